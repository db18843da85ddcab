"""Signing in, the recovery phrase, and addresses that can be kept."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.client.conftest import Desk
from tests.client.mock_library import MockLibrary
from tests.client.mock_node import CODE, PASSWORD, WORDS

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_the_sign_in_link_opens_the_library_and_leaves_no_code_behind(desk: Desk) -> None:
    await desk.sign_in()
    await expect(desk.page.locator(".hero")).to_contain_text("12 songs")
    assert CODE not in desk.page.url
    assert not any(CODE in asked for asked in desk.node.asked)
    await desk.page.reload()
    await expect(desk.page.locator(".hero")).to_contain_text("12 songs")


async def test_without_a_session_the_person_is_told_what_to_run(desk: Desk) -> None:
    await desk.page.goto(desk.base)
    await expect(desk.page.locator("#gate")).to_contain_text("songkeep open")
    await expect(desk.page.locator("#page")).to_be_hidden()


async def test_a_used_link_is_told_and_shows_nothing(desk: Desk) -> None:
    await desk.page.goto(f"{desk.base}#signin=stale")
    await expect(desk.page.get_by_role("alert")).to_contain_text("used, or is too old")
    await expect(desk.page.locator("#page")).to_be_hidden()


async def test_the_password_of_the_network_signs_in_and_a_wrong_one_does_not(desk: Desk) -> None:
    page = desk.page
    await page.goto(desk.base)
    await page.get_by_text("I have the password").click()
    await page.get_by_label("Password", exact=True).fill("guess")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("not right")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.locator(".hero")).to_be_visible()


async def test_a_session_that_ends_elsewhere_silences_the_player_and_asks_again(desk: Desk) -> None:
    await desk.sign_in("/songs")
    await desk.page.locator(".track-main").first.click()
    await desk.until_sound()
    await desk.page.evaluate(
        "localStorage.setItem('songkeep.session', JSON.stringify({token: 'revoked', media_key: 'x', expires_ms: 0}))"
    )
    await desk.go("/albums")
    await expect(desk.page.locator("#gate")).to_contain_text("songkeep open")
    assert await desk.sounding() == []
    await desk.page.goto(f"{desk.base}#signin={CODE}")
    await expect(desk.page.locator("#gate")).to_be_hidden()
    await desk.go("/songs")
    await expect(desk.page.locator(".track-main")).to_have_count(12)


async def test_after_signing_in_again_changes_are_heard_of_again(desk: Desk) -> None:
    await desk.sign_in("/albums")
    await desk.page.evaluate("localStorage.removeItem('songkeep.session')")
    await desk.go("/songs")
    await expect(desk.page.locator("#gate")).to_be_visible()
    await desk.page.evaluate(f"location.hash = '#signin={CODE}'")
    await expect(desk.page.locator("#gate")).to_be_hidden()
    await desk.go("/songs")
    await expect(desk.page.locator(".page-count")).to_have_text("12 songs")
    desk.library.add_album("New", "Someone", 2026, "", ["Just Arrived"])
    desk.node.changed()
    await expect(desk.page.locator(".page-count")).to_have_text("13 songs")


async def test_signing_out_forgets_what_was_kept(desk: Desk) -> None:
    page = desk.page
    await desk.sign_in("/songs")
    await page.locator(".track-main").first.click()
    await desk.until_sound()
    await desk.go("/settings")
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    await expect(page.locator("#gate")).to_contain_text("songkeep open")
    kept = await page.evaluate("Object.keys(localStorage).filter((key) => !key.endsWith('settings'))")
    assert kept == []


class TestFirstRun:
    @pytest.fixture
    def phrase_confirmed(self) -> bool:
        return False

    async def test_the_phrase_is_shown_and_three_words_are_asked_for(self, desk: Desk) -> None:
        page = desk.page
        await page.goto(f"{desk.base}#signin={CODE}")
        await expect(page.locator(".phrase li")).to_have_count(24)
        assert await page.locator(".phrase li span").all_text_contents() == WORDS
        beside = await page.locator("dl.facts dd").all_text_contents()
        assert beside == ["https://seed.example", "wss://post.example"]
        await page.get_by_role("button", name="I have written them down").click()
        for position, word in ((3, WORDS[2]), (11, "wrong"), (20, WORDS[19])):
            await page.get_by_label(f"Word {position}", exact=True).fill(word)
        await page.get_by_role("button", name="Confirm").click()
        await expect(page.get_by_role("alert")).to_contain_text("not right")
        assert not desk.node.phrase_confirmed
        await page.get_by_label("Word 11").fill(f"  {WORDS[10].upper()} ")
        await page.keyboard.press("Enter")
        await expect(page.locator(".hero")).to_be_visible()
        assert desk.node.phrase_confirmed
        await page.reload()
        await expect(page.locator(".hero")).to_be_visible()
        await expect(page.locator("#gate")).to_be_hidden()

    async def test_the_phrase_is_kept_nowhere_in_the_browser(self, desk: Desk) -> None:
        await desk.page.goto(f"{desk.base}#signin={CODE}")
        await expect(desk.page.locator(".phrase li")).to_have_count(24)
        await desk.page.get_by_role("button", name="I have written them down").click()
        kept = await desk.page.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")
        assert WORDS[0] not in kept


async def test_a_link_to_an_album_reloads_to_the_album(desk: Desk) -> None:
    album = next(iter(desk.library.albums.values()))
    await desk.sign_in(f"/album/{album['id']}")
    await expect(desk.page.locator("h1")).to_have_text(album["name"])
    await desk.page.reload()
    await expect(desk.page.locator("h1")).to_have_text(album["name"])


async def test_a_link_to_nothing_says_so(desk: Desk) -> None:
    await desk.sign_in("/album/gone")
    await expect(desk.page.get_by_role("alert")).to_contain_text("not in the library")


async def test_an_empty_library_offers_to_add_a_folder(desk: Desk) -> None:
    desk.node.library = MockLibrary()
    await desk.sign_in()
    await expect(desk.page.locator(".blank")).to_contain_text("Your locker is empty")
    await desk.page.get_by_role("link", name="Add a folder").click()
    await desk.page.get_by_label("Path of a folder").fill("relative")
    await desk.page.get_by_role("button", name="Add folder").click()
    await expect(desk.page.locator("#messages")).to_contain_text("is not a folder")
    await desk.page.get_by_label("Path of a folder").fill("/srv/music")
    await desk.page.get_by_role("button", name="Add folder").click()
    await expect(desk.page.locator(".folders")).to_contain_text("/srv/music")


async def test_a_whole_home_folder_is_added_only_after_a_question(desk: Desk) -> None:
    await desk.sign_in("/locker")
    for answer, added in (("Cancel", 0), ("Add all", 1)):
        await desk.page.get_by_label("Path of a folder").fill("/home/ana")
        await desk.page.get_by_role("button", name="Add folder").click()
        question = desk.page.get_by_role("dialog", name="Add all of it?")
        await expect(question).to_contain_text("your whole home folder")
        await question.get_by_role("button", name=answer).click()
        await expect(desk.page.locator(".folders").get_by_text("/home/ana", exact=True)).to_have_count(added)
    assert [folder["path"] for folder in desk.node.folders].count("/home/ana") == 1


async def test_a_folder_of_chosen_songs_says_that_the_others_are_not_added(desk: Desk) -> None:
    desk.node.folders[0].update(whole=False, tracks=2, note="")
    await desk.sign_in("/locker")
    await expect(desk.page.locator(".folders")).to_contain_text("2 chosen songs; others in it are not added")
