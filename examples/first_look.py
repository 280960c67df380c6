import numpy as np

import hingeline as hl

rng = np.random.default_rng(0)
W0, b0, W1, b1 = (rng.normal(size=size) for size in ((8, 10), 8, (3, 8), 3))
oracle = hl.oracle(lambda x: np.maximum(x @ W0.T + b0, 0) @ W1.T + b1, input_dim=10)  # yours; only called

finding = hl.extract(oracle, seed=0)
print(finding.outcome, finding.queries, "questions.")
print(hl.diff(([W0, W1], [b0, b1]), finding.value).verdict)
