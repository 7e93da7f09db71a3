"""A reduced year, one application of each kind, keeps every promise; and each promise can be seen to break."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bench.year.counts import Counts, broken_promises, count, table
from bench.year.fleet import Kind, few, forty
from bench.year.ledger import Ledger, Quarantined, Rotation, Why
from bench.year.operators import Message, Owner, Temper, Word, read_mail
from bench.year.play import Played, with_product, without_product
from emulator.web import RecordedRequest
from shared.jobs.model import ServicePrincipal
from shared.notices.expiring import Ending, expiring
from shared.notices.mail import to_mail
from shared.tokens.bindings import Binding
from shared.tokens.expiry import Expiry, ExpirySource

DAYS, SEED, INTERVAL = 100, 7, timedelta(days=2)
START = datetime(2040, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)
ZOO, BAR = "Zoo Oslo", "Bar Lima"


@dataclass(frozen=True, slots=True)
class Both:
    """The same fleet's year, twice."""

    product: Played
    alone: Played

    def why(self, kind: Kind) -> list[Why]:
        """Return why jobs of a kind came into quarantine with the product."""
        names = {plan.name for plan in few(DAYS, SEED) if plan.kind is kind}
        return [one.why for one in self.product.ledger.quarantines if one.application in names]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(state_dir: Path) -> AsyncIterator[Both]:
    """Play the reduced year once for all claims about it."""
    plans = few(DAYS, SEED)
    product = await with_product(state_dir, plans, days=DAYS, seed=SEED, interval=INTERVAL)
    alone = await without_product(state_dir, plans, days=DAYS, seed=SEED, interval=INTERVAL)
    yield Both(product, alone)


def test_every_promise_is_kept_with_the_product(both: Both) -> None:
    """Nothing ended unannounced, nothing avoidable was quarantined, nothing strayed, nothing was retired too early."""
    assert broken_promises(both.product.counts) == ()
    assert both.product.counts.foreseeable > 0
    assert both.product.counts.retired > 0


def test_without_the_product_the_first_promise_is_not_kept(both: Both) -> None:
    """Credentials end without a word, so the same count can fail on the same fleet."""
    assert any("without anybody being told" in broken for broken in broken_promises(both.alone.counts))


def test_owners_who_answer_in_time_see_no_quarantine(both: Both) -> None:
    """Only who answers too late, a revocation, a consent and a secret that nobody bound lead to one."""
    for kind in (Kind.KILLS, Kind.COEXISTS, Kind.WINDOW, Kind.PASSWORD):
        assert both.why(kind) == []
    assert both.why(Kind.UNKNOWN) == [Why.UNANSWERED]
    assert both.why(Kind.GRANTED) == [Why.GRANT]
    assert both.why(Kind.UNBOUND) == [Why.UNBOUND]


def test_a_revoked_minted_token_is_replaced_within_the_hour_though_the_api_fails_half_the_time(both: Both) -> None:
    """Nobody is needed for it, and the API's failures leave no token behind."""
    assert both.why(Kind.DATABRICKS) == [Why.REVOKED]
    revoked = next(one for one in both.product.ledger.quarantines if one.why is Why.REVOKED)
    assert revoked.ended is not None
    assert revoked.ended - revoked.began < timedelta(hours=1)
    assert both.product.counts.mints > 0
    assert both.product.counts.orphans == 0


def test_who_leaves_keeps_access_for_less_long_than_without(both: Both) -> None:
    """Fewer days in quarantine, and fewer days in which a leaver can still get in."""
    product, alone = both.product.counts, both.alone.counts
    assert product.leavers == alone.leavers > 0
    assert product.days_in_quarantine < alone.days_in_quarantine
    assert product.leaver_days < alone.leaver_days
    assert product.ended_in_use < alone.ended_in_use
    assert product.ahead > alone.ahead


def test_figures_survive_the_way_from_one_process_to_another(both: Both) -> None:
    """The table shows both years, and what was read back equals what was sent."""
    assert Counts.from_dict(both.alone.counts.to_dict()) == both.alone.counts
    shown = table(both.product.counts, both.alone.counts)
    assert f"{Why.REVOKED}" in shown
    assert len({len(line) for line in shown.splitlines()}) == 1


async def test_an_older_version_pinned_to_another_host_is_never_tried(state_dir: Path) -> None:
    """First a copy of another application's secret, pin and all, is bound; the next version has the right tags alone.

    The newest version is rejected then, and going back to the one before it would send the other's token here.
    """
    fleet = {plan.kind: plan for plan in few(16, SEED)}
    unbound = replace(fleet[Kind.UNBOUND], temper=Temper.PROMPT, first_end=3, fumbles=2)
    played = await with_product(state_dir, [replace(fleet[Kind.KILLS], first_end=300), unbound], days=16, seed=SEED)
    assert [one.ended is not None for one in played.ledger.quarantines] == [True]
    assert played.ledger.elsewhere == set()


def kept() -> Ledger:
    """Return a ledger of one application that broke nothing: told of its end, renewed, seen where it belongs."""
    ledger = Ledger()
    ledger.made(ZOO, "zoo-1", START, START + 10 * DAY, known=True)
    ledger.made(BAR, "bar-1", START, START + 90 * DAY, known=True)
    ledger.uses(ZOO, "zoo-1", START, START, None)
    ledger.uses(BAR, "bar-1", START, START, None)
    ledger.told(Message(ZOO, Word.ENDING, START + 7 * DAY, 3, START + 10 * DAY))
    ledger.saw([_request(ZOO, "zoo-1")])
    ledger.uses(ZOO, "zoo-1", START + 11 * DAY, START, None)
    return ledger


def broken(ledger: Ledger) -> tuple[str, ...]:
    """Return what a ledger's promises come to."""
    return broken_promises(count(ledger, 2, START + 20 * DAY, DAY))


def test_a_year_in_which_all_went_well_breaks_no_promise() -> None:
    """The credential that ended while in use had been announced."""
    assert broken(kept()) == ()
    counts = count(kept(), 2, START + 20 * DAY, DAY)
    assert (counts.ended_in_use, counts.foreseeable, counts.announced) == (1, 1, 1)


@pytest.mark.parametrize(
    "message",
    [
        Message(ZOO, Word.ENDING, START + 10 * DAY, 0, START + 10 * DAY),
        Message(ZOO, Word.ENDING, START + 7 * DAY, 30, START + 37 * DAY),
        Message(ZOO, Word.ENDING, START - DAY, 3, START + 10 * DAY),
        Message(ZOO, Word.TROUBLE, START + 7 * DAY, None, START + 10 * DAY),
        Message(BAR, Word.ENDING, START + 7 * DAY, 3, START + 10 * DAY),
    ],
    ids=["too late", "another date", "of the one before", "no announcement", "another application"],
)
def test_an_end_that_nobody_was_told_of_rightly_breaks_the_promise(message: Message) -> None:
    """A message counts only before the end, with its date, about that application."""
    ledger = kept()
    ledger.messages[:] = [message]
    assert any("without anybody being told" in text for text in broken(ledger))


def test_an_avoidable_quarantine_breaks_the_promise() -> None:
    """One is enough; others are only counted."""
    ledger = kept()
    ledger.quarantines.append(Quarantined(ZOO, Why.UNANSWERED, START, START + DAY))
    assert broken(ledger) == ()
    ledger.quarantines.append(Quarantined(ZOO, Why.AVOIDABLE, START, START + DAY))
    assert any("renewed ahead" in text for text in broken(ledger))


@pytest.mark.parametrize("where", ["header", "basic", "body"])
def test_a_secret_at_another_target_breaks_the_promise(where: str) -> None:
    """In the header as a token, in the header as a password, or in the body."""
    ledger = kept()
    ledger.made(BAR, "bar-user:bar-2", START, START + 90 * DAY, known=True)
    request = {
        "header": _request(ZOO, "bar-1"),
        "basic": replace_header(_request(ZOO, ""), "Basic YmFyLXVzZXI6YmFyLTI="),
        "body": replace(_request(ZOO, "zoo-1"), body=b'{"token": "bar-1"}'),
    }[where]
    ledger.saw([request])
    assert ledger.elsewhere == {(BAR, ZOO)}
    assert any("another application's target" in text for text in broken(ledger))


def test_an_observer_who_saw_nothing_promises_nothing() -> None:
    """No secret seen at all means that nobody looked."""
    ledger = kept()
    ledger.secrets_seen = 0
    assert any("cannot say" in text for text in broken(ledger))


def test_old_versions_and_orphans_are_counted_as_given() -> None:
    """A version disabled too early and a lost token each break a promise."""
    for name in ("retired_too_early", "orphans"):
        assert len(broken_promises(count(kept(), 2, START + 20 * DAY, DAY, **{name: 1}))) == 1


def test_a_renewal_counts_as_ahead_only_outside_of_a_quarantine() -> None:
    """What was saved during one came after it, even when it takes effect later."""
    ledger = kept()
    ledger.quarantines.append(Quarantined(ZOO, Why.UNANSWERED, START + 12 * DAY, START + 13 * DAY))
    for value, saved in (("zoo-2", START + 13 * DAY), ("zoo-3", START + 14 * DAY)):
        ledger.made(ZOO, value, saved, saved + 90 * DAY, known=True)
        ledger.uses(ZOO, value, saved + timedelta(minutes=1), saved, saved - timedelta(seconds=20))
    took = timedelta(seconds=20)
    assert ledger.rotations == [
        Rotation(ZOO, START + 13 * DAY + timedelta(minutes=1), ahead=False, took=took),
        Rotation(ZOO, START + 14 * DAY + timedelta(minutes=1), ahead=True, took=took),
    ]


def test_the_product_s_own_mail_is_read_with_its_date() -> None:
    """What owners react to is the real mail: application, days and date are found in it."""
    end = START + timedelta(days=14, hours=3)
    application = ServicePrincipal("11111111-0000-0000-0000-000000000000", "app", ZOO)
    binding = Binding("zoo-token", application.id, "SecretToken", "druva", "https://zoo.example/scim")
    ending = Ending(application, binding, Expiry(end, ExpirySource.TAG), end, (), minted=False, acts=True)
    mail = to_mail(expiring(ending, "https://entra.example", START))
    message = read_mail(mail.subject, mail.html, START, frozenset({ZOO, BAR}))
    assert message == Message(ZOO, Word.ENDING, START, 14, end)


@pytest.mark.parametrize(
    ("temper", "first", "urgent", "ended"),
    [
        (Temper.PROMPT, True, True, True),
        (Temper.LATE, False, True, True),
        (Temper.AFTER, False, False, True),
        (Temper.NEVER, False, False, False),
    ],
)
def test_owners_act_at_their_own_time(temper: Temper, first: bool, urgent: bool, ended: bool) -> None:
    """Some at the first word, some when days are left, some when it is too late, some never; all in the future."""
    words = [(Word.ENDING, 60), (Word.ENDING, 3), (Word.ENDED, None)]
    answers = [Owner(ZOO, temper, SEED).hears(Message(ZOO, word, START, left)) for word, left in words]
    assert [answer is not None for answer in answers] == [first, urgent, ended]
    assert all(answer > START for answer in answers if answer is not None)


def test_forty_applications_have_names_that_no_mail_confuses() -> None:
    """No name begins another, the same seed makes the same fleet, and every end lies within the year."""
    plans = forty(365, SEED)
    names = [plan.name for plan in plans]
    assert len(plans) == 40
    assert not any(one != other and one.startswith(other) for one in names for other in names)
    assert plans == forty(365, SEED)
    assert plans != forty(365, SEED + 1)
    assert all(0 < plan.first_end < min(365, plan.vendor.lifetime.days) for plan in plans)


def _request(application: str, token: str) -> RecordedRequest:
    return RecordedRequest(f"target:{application}", "GET", "/v2/Users", {"authorization": f"Bearer {token}"}, b"")


def replace_header(request: RecordedRequest, authorization: str) -> RecordedRequest:
    """Return the request with another Authorization header."""
    return replace(request, headers={"authorization": authorization})
