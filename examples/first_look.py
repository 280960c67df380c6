import numpy as np

import hingeline as hl

rng = np.random.default_rng(0)
W0, b0 = rng.normal(size=(8, 10)), rng.normal(size=8)
W1, b1 = rng.normal(size=(3, 8)), rng.normal(size=3)


def model(x):  # yours; hingeline only calls it
    return np.maximum(x @ W0.T + b0, 0) @ W1.T + b1


finding = hl.extract(hl.oracle(model, input_dim=10), seed=0)
print(finding.outcome)
print(finding.queries, "questions for", finding.value.parameter_count, "parameters")
print(hl.diff(([W0, W1], [b0, b1]), finding.value).verdict)
