"""What listeners are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from node.faces.news import NOTICES_KEPT, News


async def _told(pieces: AsyncIterator[bytes]) -> str:
    return (await asyncio.wait_for(anext(pieces), 60)).decode()


async def test_each_listener_is_told_and_later_states_replace_earlier_ones() -> None:
    news = News(asyncio.get_running_loop())
    first, second = news.follow(silence_s=3_600), news.follow(silence_s=3_600)
    told = asyncio.gather(_told(first), _told(second))
    while news.listeners < 2:  # noqa: ASYNC110  # each turn of the loop brings them nearer
        await asyncio.sleep(0)
    for revision in (1, 2, 3):
        news.changed(revision)
    news.progress({"id": "j", "files_done": 7})
    news.notice("info", "hello")
    for text in await told:
        assert 'event: changed\ndata: {"revision": 3}\n\n' in text
        assert '"revision": 1' not in text
        assert 'event: progress\ndata: {"id": "j", "files_done": 7}\n\n' in text
        assert "event: notice\n" in text


async def test_news_from_another_thread_arrive() -> None:
    news = News(asyncio.get_running_loop())
    told = asyncio.ensure_future(_told(news.follow(silence_s=3_600)))
    while not news.listeners:  # noqa: ASYNC110  nobody tells of it
        await asyncio.sleep(0)
    await asyncio.to_thread(news.changed, 9)
    assert '"revision": 9' in await told


async def test_a_silent_stream_says_that_it_is_there_and_a_closed_one_ends() -> None:
    news = News(asyncio.get_running_loop())
    pieces = news.follow(silence_s=0.01)
    assert (await _told(pieces)).startswith(":")
    news.close()
    assert [piece async for piece in pieces][1:] == []
    assert news.listeners == 0


async def test_the_same_notice_is_said_once_and_only_the_latest_are_kept() -> None:
    news = News(asyncio.get_running_loop())
    news.notice("info", "same")
    news.notice("info", "same")
    assert len(news.notices()) == 1
    for number in range(NOTICES_KEPT * 2):
        news.notice("warning", f"number {number}")
    assert len(news.notices()) == NOTICES_KEPT


async def test_what_a_slow_listener_has_yet_to_hear_is_bounded() -> None:
    news = News(asyncio.get_running_loop())
    pieces = news.follow(silence_s=0.01)
    await _told(pieces)
    for number in range(10_000):
        news.notice("info", f"number {number}")
    text = await _told(pieces)
    assert text.count("event: notice") <= 256
    assert "number 9999" in text
