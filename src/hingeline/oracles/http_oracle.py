"""A door over HTTP: a dialect writes the question and reads the answer, a courier carries both.

One query batch is one request. What may be sent again after trouble is decided in `retries`; answers that
came but cannot be used are never asked again here.
"""

from __future__ import annotations

import uuid
from typing import Protocol

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import OutsideDomain, QueryFailed
from hingeline.oracles.courier import Courier, Traffic
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.transport import Request, Response


class Dialect(Protocol):
    """How one kind of endpoint is spoken to."""

    def write(self, points: FloatArray, request_id: str) -> Request:
        """The request that asks for answers at `points`, which are rounded to the oracle's dtype."""
        ...

    def read(self, response: Response, rows: int, request_id: str) -> FloatArray:
        """The answers in a 2xx response, "n k", finite.

        Raises:
            QueryFailed: They are not usable; the message says how, without the endpoint's name.
        """
        ...


class HttpOracle:
    """A door to one model behind HTTP; made by `remote_oracle` and `template_oracle`.

    Args:
        spec: What is known before asking; `max_batch` is the most rows in one request.
        courier: Carries requests.
        dialect: Writes and reads them.
        fixed_batch: Rows that every request must have; shorter ones are filled up with their last row.
    """

    def __init__(
        self, spec: OracleSpec, courier: Courier, dialect: Dialect, *, fixed_batch: int | None = None
    ) -> None:
        self._spec = spec
        self._courier = courier
        self._dialect = dialect
        self._fixed_batch = fixed_batch
        self._width = spec.output_dim

    @property
    def spec(self) -> OracleSpec:
        """What is known before asking."""
        return self._spec

    @property
    def traffic(self) -> Traffic:
        """What went over the wire so far."""
        return self._courier.traffic

    def query(self, points: FloatArray) -> FloatArray:
        """Answers at `points`, "n d" to "n k"; see `query_with_id`."""
        return self.query_with_id(points, uuid.uuid4().hex)

    def query_with_id(self, points: FloatArray, request_id: str) -> FloatArray:
        """Answers at `points`, under an id that a server may use to recognise a repeat.

        A session asks at most `spec.max_batch` rows, which is one request. More rows are split here, and
        if a later request fails, the answers to the earlier ones are lost with it.

        Raises:
            OutsideDomain: A coordinate does not fit the endpoint's number type.
            QueryFailed: No usable answer.
        """
        size = self._spec.max_batch or max(1, len(points))
        parts = [points[i : i + size] for i in range(0, len(points), size)]
        ids = [request_id] if len(parts) == 1 else [f"{request_id}-{i}" for i in range(len(parts))]
        answers = [self._ask(part, name) for part, name in zip(parts, ids, strict=True)]
        return np.concatenate(answers) if answers else np.zeros((0, self._width or 1))

    def close(self) -> None:
        """Give back connections; happens by itself when the oracle is no longer used."""
        self._courier.close()

    def _ask(self, points: FloatArray, request_id: str) -> FloatArray:
        sent = _filled_up(_rounded(points, self._spec.dtype), self._fixed_batch)
        response = self._courier.deliver(self._dialect.write(sent, request_id), len(sent))
        try:
            answers = self._dialect.read(response, len(sent), request_id)
            self._check_width(answers.shape[1])
        except QueryFailed as problem:
            raise self._courier.complain(str(problem), response) from None
        return answers[: len(points)]

    def _check_width(self, width: int) -> None:
        if self._width is not None and self._width != width:
            raise QueryFailed(
                f"it answered {width} numbers per row; {self._width} were declared or came before"
            )
        self._width = width

    def __repr__(self) -> str:
        return f"<HttpOracle {self._spec.name}>"


def _rounded(points: FloatArray, dtype: str) -> FloatArray:
    """The float64 values of `points` after rounding to `dtype`."""
    with np.errstate(over="ignore"):
        values = points.astype(dtype).astype(np.float64)
    if not np.isfinite(values).all():
        raise OutsideDomain(f"a query reaches {np.abs(points).max():.3g}, which {dtype} cannot hold")
    return values


def _filled_up(points: FloatArray, batch: int | None) -> FloatArray:
    if batch is None or len(points) >= batch:
        return points
    return np.concatenate([points, np.repeat(points[-1:], batch - len(points), axis=0)])
