"""One request on its way: sent whole where that works, in parts where the destination wants or needs it."""

from __future__ import annotations

from connector.load.attempts import Attempts, Tally
from connector.load.track import Answer, Bodies, Verdict
from connector.model import Refusal


class Sending:
    """Delivers the entries of one request; its parts go one after the other and take one place in the order.

    Args:
        attempts: sends one body until there is a definite answer.
        bodies: cuts bodies out of the batch.
        tally: counts what it costs.
    """

    def __init__(self, attempts: Attempts, bodies: Bodies, tally: Tally) -> None:
        self._attempts = attempts
        self._bodies = bodies
        self._tally = tally
        self._refusals: list[Refusal] = []

    def send(self, first: int, last: int) -> tuple[Refusal, ...]:
        """Deliver entries [first, last) and return those that the destination will not take.

        Raises:
            ConnectorError: the run must end; what became of the entries is unknown.
        """
        self._send(first, last)
        return tuple(self._refusals)

    def _send(self, first: int, last: int) -> None:
        limit = self._attempts.settings.max_bytes
        if last - first == 1 and self._bodies.size(first, last) > limit:
            self._refusals.append(
                Refusal(first, "item_too_large", f"larger than destination.max_bytes ({limit})")
            )
            return
        answer = self._post(first, last)
        if answer.verdict is Verdict.SPLIT:
            self._split(first, last, answer)
        elif answer.verdict is Verdict.ISOLATE:
            self._isolate(first, last, answer)

    def _post(self, first: int, last: int, *, patient: bool = True) -> Answer:
        """Send entries [first, last); note what a definite answer refuses inside, or leaves in doubt."""
        body = self._bodies.parts(first, last)
        items, lone = self._bodies.items(first, last), last - first == 1
        answer = self._attempts.post(body, items, self._tally, patient=patient, lone=lone)
        if answer.verdict is Verdict.ACKNOWLEDGE:
            self._tally.accepted.append((first, last))
            self._note_errors_inside(first, answer)
        elif answer.verdict is Verdict.RETRY:  # in doubt, and on_doubt: hold
            self._refusals += [
                Refusal(entry, "in_doubt", "sent, and never answered") for entry in range(first, last)
            ]
        return answer

    def _note_errors_inside(self, first: int, answer: Answer) -> None:
        """Give an error that a 2xx states at an item's place to the entry that holds the item."""
        counts = self._bodies.batch.items
        for index, words in dict(answer.errors).items():
            entry, left = first, index
            while counts is not None and left >= counts[entry]:
                left, entry = left - int(counts[entry]), entry + 1
            self._refusals.append(
                Refusal(first + index if counts is None else entry, "refused_by_server", words)
            )

    def _split(self, first: int, last: int, answer: Answer) -> None:
        if last - first == 1:
            words = answer.message or "too large for the destination (413)"
            self._refusals.append(Refusal(first, "item_too_large", words))
            return
        middle = (first + last) // 2
        self._send(first, middle)
        self._send(middle, last)

    def _isolate(self, first: int, last: int, answer: Answer) -> None:
        """Find the bad entries of [first, last), which as a whole was refused.

        Probes one half: if it passes, the other is known to be bad and needs no probe; if not, the other is left
        untested. What is left untested stands together behind the bad entry and goes in one request. So a lone
        bad entry among n costs at most ⌈log₂ n⌉ + 2 requests. An entry is refused only on an answer that it
        earned alone.
        """
        server_error = answer.status >= 500
        suspects: list[int] = []
        while first < last:
            low, high, verdict = first, last, answer
            alone = high - low == 1
            while high - low > 1:
                middle = (low + high) // 2
                probe = self._post(low, middle, patient=not server_error)
                if probe.verdict in (Verdict.ISOLATE, Verdict.SPLIT):
                    high, verdict, alone = middle, probe, middle - low == 1
                else:
                    low, alone = middle, False
            if server_error:
                suspects.append(low)  # one 5xx may be chance, and counts only beside others that pass
            elif alone:
                self._refuse(low, verdict)
            else:
                self._judge(low)
            first = low + 1
            if first < last and self._post(first, last).verdict is not Verdict.ISOLATE:
                break
        for suspect in suspects:
            self._judge(suspect)

    def _judge(self, suspect: int) -> None:
        """Send an entry alone, and refuse it if that earns it a refusal."""
        verdict = self._post(suspect, suspect + 1)
        if verdict.verdict is Verdict.ISOLATE:
            self._refuse(suspect, verdict)

    def _refuse(self, entry: int, answer: Answer) -> None:
        self._attempts.refuse(answer.status)
        words = answer.message or f"status {answer.status}"
        self._refusals.append(
            Refusal(entry, "server_error", words)
            if answer.status >= 500
            else Refusal(entry, "refused_by_server", words)
        )
