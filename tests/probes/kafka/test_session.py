"""A fetch session says what has changed and no more, whatever the broker does with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.protocol.consumer import FetchRequest, FetchResponse

from scaler.errors import Cause, SourceUnavailable
from scaler.probes.kafka.lag import Partition
from scaler.probes.kafka.session import News, Session

PARTITIONS = [Partition(topic, number) for topic in ("a", "b") for number in range(3)]
A0, A1, B0 = PARTITIONS[0], PARTITIONS[1], PARTITIONS[3]


class Broker:
    """The other side of KIP-227: remembers what it was asked, and answers with what is news to the asker."""

    def __init__(self) -> None:
        self.ends = dict.fromkeys(PARTITIONS, 10)
        self.asked: dict[Partition, int] = {}
        self.session = 0
        self.epoch = 0
        self.keeps_sessions = True

    def answer(self, request: FetchRequest) -> FetchResponse:
        """Answer one request."""
        if request.session_epoch == 0:
            self.asked, self.epoch, self.session = {}, 0, self.session + 1 if self.keeps_sessions else 0
        elif (request.session_id, request.session_epoch) != (self.session, self.epoch):
            return response(error=71)
        full, self.epoch = request.session_epoch == 0, self.epoch + 1
        for forgotten in request.forgotten_topics_data:
            for number in forgotten.partitions:
                self.asked.pop(Partition(forgotten.topic, number), None)
        for topic in request.topics:
            self.asked |= {Partition(topic.topic, each.partition): each.fetch_offset for each in topic.partitions}
        news = {each: self.ends[each] for each, offset in self.asked.items() if full or self.ends[each] != offset}
        return response(news, session=self.session)

    def forget(self) -> None:
        """Drop the session, as brokers with many of them do."""
        self.epoch = -1


def response(
    ends: dict[Partition, int] | None = None,
    session: int = 0,
    error: int = 0,
    errors: dict[Partition, int] | None = None,
) -> FetchResponse:
    def one(partition: Partition, end: int, code: int) -> object:
        kind = FetchResponse.FetchableTopicResponse
        data = kind.PartitionData(partition_index=partition.number, error_code=code, high_watermark=end)
        return kind(topic=partition.topic, partitions=[data])

    said = [one(each, end, 0) for each, end in (ends or {}).items()]
    said += [one(each, -1, code) for each, code in (errors or {}).items()]
    return FetchResponse(error_code=error, session_id=session, responses=said)


def told(request: FetchRequest) -> dict[Partition, int]:
    return {
        Partition(topic.topic, each.partition): each.fetch_offset
        for topic in request.topics
        for each in topic.partitions
    }


def test_the_first_request_names_everything_and_the_next_nothing() -> None:
    session, broker = Session(), Broker()
    session.add(A0, 10)
    session.add(B0, 10)
    first = session.request(0.25)
    assert (told(first), first.max_wait_ms) == ({A0: 10, B0: 10}, 250)
    assert session.answered(broker.answer(first)) == News(frozenset(), frozenset())
    assert told(session.request(0.25)) == {}


def test_what_has_grown_is_news_once() -> None:
    session, broker = Session(), Broker()
    session.add(A0, 10)
    session.answered(broker.answer(session.request(0)))
    broker.ends[A0] = 12
    assert session.answered(broker.answer(session.request(0))).moved == {A0}
    assert session.answered(broker.answer(session.request(0))).moved == frozenset()


def test_what_was_behind_from_the_beginning_is_news() -> None:
    session, broker = Session(), Broker()
    session.add(A0, 7)
    assert session.answered(broker.answer(session.request(0))).moved == {A0}


def test_a_log_that_was_cut_is_news_too() -> None:
    session, broker = Session(), Broker()
    session.add(A0, 15)
    assert session.answered(broker.answer(session.request(0))).moved == {A0}


def test_what_a_broker_does_not_serve_is_lost_and_not_asked_again() -> None:
    session = Session()
    session.add(A0, 10)
    session.add(A1, 10)
    session.request(0)
    news = session.answered(response({A0: 10}, session=3, errors={A1: 6}))
    assert news == News(frozenset(), frozenset({A1}))
    request = session.request(0)
    assert set(session.offsets) == {A0}
    assert [(each.topic, each.partitions) for each in request.forgotten_topics_data] == [("a", [1])]


@pytest.mark.parametrize(("code", "cause"), [(31, Cause.DENIED), (-1, Cause.INVALID), (76, Cause.INVALID)])
def test_a_refusal_is_raised(code: int, cause: Cause) -> None:
    session = Session()
    session.add(A0, 10)
    session.request(0)
    with pytest.raises(SourceUnavailable) as refusal:
        session.answered(response(error=code))
    assert refusal.value.cause is cause


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(PARTITIONS), st.integers(0, 20)),
        st.tuples(st.just("remove"), st.sampled_from(PARTITIONS), st.just(0)),
        st.tuples(st.just("grow"), st.sampled_from(PARTITIONS), st.integers(1, 5)),
        st.tuples(st.just("forget"), st.just(A0), st.just(0)),
        st.tuples(st.just("fetch"), st.just(A0), st.just(0)),
    ),
    max_size=60,
)


def _do(session: Session, broker: Broker, step: tuple[str, Partition, int]) -> None:
    match step:
        case "add", partition, offset:
            session.add(partition, offset)
        case "remove", partition, _ if partition in session.offsets:
            session.remove(partition)
        case "grow", partition, by:
            broker.ends[partition] += by
        case "forget", _, _:
            broker.forget()
        case "fetch", _, _:
            session.answered(broker.answer(session.request(0)))
        case _:
            pass  # removing what is not there


@given(steps, st.booleans())
def test_after_any_history_the_broker_knows_all_and_the_session_every_end(
    history: list[tuple[str, Partition, int]], keeps_sessions: bool
) -> None:
    session, broker = Session(), Broker()
    broker.keeps_sessions = keeps_sessions
    for step in history:
        _do(session, broker, step)
    for _ in range(3):  # a dropped session costs one, its opening one, the news one
        session.answered(broker.answer(session.request(0)))
    assert broker.asked.keys() == session.offsets.keys()
    assert session.offsets == {each: broker.ends[each] for each in session.offsets}


@given(steps)
def test_nothing_that_grew_goes_unnoticed(history: list[tuple[str, Partition, int]]) -> None:
    session, broker = Session(), Broker()
    for each in PARTITIONS:
        session.add(each, 10)
    session.answered(broker.answer(session.request(0)))
    before = dict(broker.ends)
    for step in history:
        if step[0] in {"grow", "forget"}:
            _do(session, broker, step)
    seen: frozenset[Partition] = frozenset()
    for _ in range(3):
        seen |= session.answered(broker.answer(session.request(0))).moved
    assert seen == {each for each in PARTITIONS if broker.ends[each] != before[each]}
