#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/limit.h"
#include "tests/unit/engine_kit.h"

static void on_pruned(void *arg, char *const *deleted, size_t deleted_len, int64_t freed_bytes,
                      const struct err *err)
{
    struct fixture *fixture = arg;
    fixture->pruned = true;
    fixture->prunes++;
    fixture->pruned_code = err != NULL ? err->code : 0;
    strcpy(fixture->pruned_words, err != NULL ? err->text : "");
    fixture->freed_bytes = freed_bytes;
    fixture->pruned_ids[0] = '\0';
    for (size_t i = 0; i < deleted_len; i++) {
        strcat(fixture->pruned_ids, deleted[i]);
        strcat(fixture->pruned_ids, " ");
    }
}

static const char *const two_ids[] = {"abc", "def"};

static void test_prune(void **state)
{
    static const struct peer_rule rules[] = {
        PING,
        INFO,
        RECORDS,
        EVENTS,
        {"POST /v1.45/build/prune?all=1&filters=%7B%22id%22%3A%7B%22%5E%28abc%7Cdef%29%24%22%3A"
         "true%7D%7D ",
         JSON("{\"CachesDeleted\":[\"def\"],\"SpaceReclaimed\":7000000000}")},
    };
    struct fixture fixture;
    struct err err;
    (void)state;
    fixture_open(&fixture);
    struct peer *peer = fixture_peer(&fixture, rules, LEN(rules));
    fixture_start(&fixture, true);
    assert_int_equal(-ENOTCONN,
                     engine_prune(fixture.engine, two_ids, 2, true, on_pruned, &fixture, &err));
    loop_wait(&fixture.loop, &fixture.read);
    assert_int_equal(0, engine_prune(fixture.engine, two_ids, 2, true, on_pruned, &fixture, &err));
    assert_false(fixture.pruned);
    loop_wait(&fixture.loop, &fixture.pruned);
    assert_int_equal(0, fixture.pruned_code);
    assert_string_equal("def ", fixture.pruned_ids);
    assert_int_equal(INT64_C(7000000000), fixture.freed_bytes);
    fixture.read = false;
    loop_wait(&fixture.loop, &fixture.read); /* read anew by itself */

    static const char *const bad[] = {"abc", ".*"};
    assert_int_equal(ERR_USAGE,
                     engine_prune(fixture.engine, bad, 2, true, on_pruned, &fixture, &err));
    assert_int_equal(ERR_USAGE,
                     engine_prune(fixture.engine, bad, 0, true, on_pruned, &fixture, &err));
    assert_int_equal(1, peer_count(peer, "POST"));
    fixture_close(&fixture, peer);
    assert_int_equal(1, fixture.prunes);
}

static void test_prune_fails(void **state)
{
    static const struct {
        struct peer_rule rule;
        int code;
        const char *words;
    } cases[] = {
        {{"POST ", .answer = "HTTP/1.1 409 No\r\n\r\n{\"message\":\"a prune is running\"}"},
         ERR_PEER,
         "the engine says: a prune is running"},
        {{"POST ", .answer = NULL}, -ECONNRESET, "broke off when asked for a prune"},
        {{"POST ", JSON("{}")}, ERR_FORMAT, "no report of a prune"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct peer_rule rules[] = {PING, INFO, RECORDS, cases[i].rule};
        struct fixture fixture;
        fixture_open(&fixture);
        struct peer *peer = fixture_peer(&fixture, rules, LEN(rules));
        fixture_start(&fixture, false);
        loop_wait(&fixture.loop, &fixture.read);
        assert_int_equal(
            0, engine_prune(fixture.engine, two_ids, 2, false, on_pruned, &fixture, NULL));
        loop_wait(&fixture.loop, &fixture.pruned);
        assert_int_equal(cases[i].code, fixture.pruned_code);
        assert_non_null(strstr(fixture.pruned_words, cases[i].words));
        fixture_close(&fixture, peer);
    }
}

/* What the first request deleted is told although the second one failed. */
static void test_prune_in_parts(void **state)
{
    static const struct peer_rule rules[] = {
        PING,
        INFO,
        RECORDS,
        {"POST /v1.45/build/prune?filters=%7B%22id%22%3A%7B%22%5E%28id0000",
         JSON("{\"CachesDeleted\":[\"id0000\"],\"SpaceReclaimed\":5}")},
        {"POST ", .answer = "HTTP/1.1 500 No\r\n\r\n"},
    };
    enum { MANY = 5000 };
    static char names[MANY][32];
    static const char *ids[MANY];
    struct fixture fixture;
    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "id%04zu-----------------", i);
        ids[i] = names[i];
    }
    fixture_open(&fixture);
    struct peer *peer = fixture_peer(&fixture, rules, LEN(rules));
    fixture_start(&fixture, false);
    loop_wait(&fixture.loop, &fixture.read);
    assert_int_equal(0, engine_prune(fixture.engine, ids, MANY, false, on_pruned, &fixture, NULL));
    loop_wait(&fixture.loop, &fixture.pruned);
    assert_int_equal(ERR_PEER, fixture.pruned_code);
    assert_string_equal("id0000 ", fixture.pruned_ids);
    assert_int_equal(5, fixture.freed_bytes);
    assert_int_equal(2, peer_count(peer, "POST"));
    fixture_close(&fixture, peer);
}

static void test_prune_cancel(void **state)
{
    static const struct peer_rule rules[] = {
        PING, INFO, RECORDS, {"POST ", .answer = NULL, .then = PEER_STAY}};
    (void)state;
    for (int by_free = 0; by_free < 2; by_free++) {
        struct fixture fixture;
        fixture_open(&fixture);
        struct peer *peer = fixture_peer(&fixture, rules, LEN(rules));
        fixture_start(&fixture, false);
        loop_wait(&fixture.loop, &fixture.read);
        for (int i = 0; i < 2; i++)
            assert_int_equal(
                0, engine_prune(fixture.engine, two_ids, 2, false, on_pruned, &fixture, NULL));
        loop_linger(&fixture.loop, 20);
        if (!by_free) {
            engine_prune_cancel(fixture.engine);
            assert_int_equal(2, fixture.prunes);
        }
        fixture_close(&fixture, peer);
        assert_int_equal(2, fixture.prunes);
        assert_int_equal(ERR_CANCELLED, fixture.pruned_code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prune),
        cmocka_unit_test(test_prune_fails),
        cmocka_unit_test(test_prune_in_parts),
        cmocka_unit_test(test_prune_cancel),
    };
    limit_program(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
