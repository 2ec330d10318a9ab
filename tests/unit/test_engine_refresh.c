/* When the records are read again, and when a lost engine is looked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "tests/support/limit.h"
#include "tests/unit/engine_kit.h"

/* An engine that comes, dies, and comes back, with nobody doing anything. */
static void test_comes_and_goes(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_open(&fixture);
    fixture_start(&fixture, true);
    loop_wait(&fixture.loop, &fixture.down);
    loop_linger(&fixture.loop, 700); /* a try or two; the same news is no news */
    assert_int_equal(1, fixture.states);
    for (int round = 0; round < 3; round++) {
        struct peer *peer = fixture_peer(&fixture, fixture_rules, LEN(fixture_rules));
        uint64_t begun = uv_now(&fixture.loop.loop);
        fixture.read = false;
        loop_wait(&fixture.loop, &fixture.read);
        assert_true(uv_now(&fixture.loop.loop) - begun < limit_ms(5000));
        loop_linger(&fixture.loop, 50);
        assert_int_equal(1, peer_open_connections(peer)); /* the events */
        peer_close(peer);
        loop_wait(&fixture.loop, &fixture.down);
    }
    fixture_close(&fixture, NULL);
}

/* Seen at once by the file in its directory, where pauses alone would take 30 s. */
static void test_socket_appears(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_open(&fixture);
    fixture_start(&fixture, true);
    loop_linger(&fixture.loop, 2500); /* tried at 0, 0.5 and 1.5; the next one comes at 3.5 s */
    struct peer *peer = fixture_peer(&fixture, fixture_rules, LEN(fixture_rules));
    uint64_t begun = uv_now(&fixture.loop.loop);
    loop_wait(&fixture.loop, &fixture.up);
    assert_true(uv_now(&fixture.loop.loop) - begun < limit_ms(500));
    fixture_close(&fixture, peer);
}

static void test_events(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_open(&fixture);
    struct peer *peer = fixture_peer(&fixture, fixture_rules, LEN(fixture_rules));
    fixture_start(&fixture, true);
    loop_wait(&fixture.loop, &fixture.read);
    loop_linger(&fixture.loop, 100);
    assert_int_equal(1, peer_send(peer, EVENTS_PATH, EVENT));
    fixture.read = false;
    loop_wait(&fixture.loop, &fixture.read);
    assert_int_equal(2, fixture.reads);
    int64_t from = clock_mono_ms();
    for (int i = 0; i < 200; i++) { /* a burst over two seconds, or more on a busy machine */
        peer_send(peer, EVENTS_PATH, EVENT);
        loop_linger(&fixture.loop, 10);
    }
    loop_linger(&fixture.loop, 1500);
    assert_true(fixture.reads >= 3);
    assert_true((int64_t)fixture.reads <= 3 + (clock_mono_ms() - from) / 1000); /* one a second */
    size_t settled = fixture.reads;
    loop_linger(&fixture.loop, 1500);
    assert_int_equal(settled, fixture.reads);
    assert_int_equal(1, fixture.states);
    fixture_close(&fixture, peer);
}

/* One that will not tell, and one whose streams end at once, are not hammered. */
static void test_no_events(void **state)
{
    static const struct peer_rule refuses[] = {
        PING, INFO, RECORDS, {EVENTS_PATH, .answer = "HTTP/1.1 403 No\r\n\r\n"}};
    static const struct peer_rule ends[] = {PING, INFO, RECORDS, {EVENTS_PATH, JSON("")}};
    static const struct {
        const struct peer_rule *rules;
        size_t tries;
    } cases[] = {{refuses, 1}, {ends, 3}};
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct fixture fixture;
        fixture_open(&fixture);
        struct peer *peer = fixture_peer(&fixture, cases[i].rules, 4);
        fixture_start(&fixture, true);
        loop_wait(&fixture.loop, &fixture.read);
        loop_linger(&fixture.loop, 500);
        assert_int_equal(cases[i].tries, peer_count(peer, EVENTS_PATH));
        assert_int_equal(cases[i].tries, fixture.reads);
        assert_true(fixture.up);
        fixture_close(&fixture, peer);
    }
}

/* Changes that no event tells of are seen, too. */
static void test_looks_again(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_open(&fixture);
    struct peer *peer = fixture_peer(&fixture, fixture_rules, LEN(fixture_rules));
    fixture_start(&fixture, true);
    loop_wait(&fixture.loop, &fixture.read);
    fixture.read = false;
    uint64_t begun = uv_now(&fixture.loop.loop);
    loop_wait(&fixture.loop, &fixture.read);
    uint64_t took_ms = uv_now(&fixture.loop.loop) - begun;
    assert_true(took_ms >= 4900 && took_ms <= limit_ms(6000));
    assert_int_equal(1, peer_count(peer, EVENTS_PATH));
    loop_linger(&fixture.loop, 5500); /* nothing new: the next pause is longer */
    assert_int_equal(2, fixture.reads);
    fixture_close(&fixture, peer);
}

/* Asked again while an answer is under way: once more afterwards, not twice. */
static void test_refresh_meanwhile(void **state)
{
    static const struct peer_rule rules[] = {
        PING, INFO, {RECORDS_PATH, JSON("{\"BuildCache\":[]}"), .delay_ms = 100}, EVENTS};
    struct fixture fixture;
    (void)state;
    fixture_open(&fixture);
    struct peer *peer = fixture_peer(&fixture, rules, LEN(rules));
    fixture_start(&fixture, true);
    while (peer_count(peer, RECORDS_PATH) == 0)
        loop_linger(&fixture.loop, 1);
    for (int i = 0; i < 10; i++) /* the loop does not run: the first answer is still to come */
        engine_refresh(fixture.engine);
    while (fixture.reads < 2)
        loop_linger(&fixture.loop, 10);
    loop_linger(&fixture.loop, 1500);
    assert_int_equal(2, fixture.reads);
    fixture_close(&fixture, peer);
}

static void test_refresh_when_down(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_open(&fixture);
    fixture_start(&fixture, false);
    loop_wait(&fixture.loop, &fixture.down);
    struct peer *peer = fixture_peer(&fixture, fixture_rules, LEN(fixture_rules));
    loop_linger(&fixture.loop, 100); /* tries once, and stays quiet */
    assert_int_equal(0, peer_count(peer, ""));
    engine_refresh(fixture.engine);
    loop_wait(&fixture.loop, &fixture.up);
    fixture_close(&fixture, peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comes_and_goes),
        cmocka_unit_test(test_socket_appears),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_no_events),
        cmocka_unit_test(test_looks_again),
        cmocka_unit_test(test_refresh_meanwhile),
        cmocka_unit_test(test_refresh_when_down),
    };
    limit_program(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
