#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/fake_tool.h"
#include "tests/support/limit.h"
#include "tests/unit/engine_kit.h"

static void test_once(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_open(&fixture);
    struct peer *peer = fixture_peer(&fixture, fixture_rules, LEN(fixture_rules));
    fixture_start(&fixture, false);
    loop_wait(&fixture.loop, &fixture.read);
    struct engine_info info = engine_info(fixture.engine);
    assert_int_equal(ENGINE_UP, info.state);
    assert_null(info.error);
    assert_string_equal("26.1.5", info.version);
    assert_string_equal("1.45", info.api_version);
    assert_string_equal("/data", info.data_root);
    assert_int_equal(1, fixture.states);
    assert_int_equal(1, fixture.records.len);
    assert_int_equal(INT64_C(5000000000), fixture.records.size_bytes);
    loop_linger(&fixture.loop, 100); /* quiet afterwards */
    assert_int_equal(1, peer_count(peer, RECORDS_PATH));
    assert_int_equal(0, peer_count(peer, EVENTS_PATH));
    fixture.read = false;
    engine_refresh(fixture.engine);
    engine_refresh(fixture.engine);
    loop_wait(&fixture.loop, &fixture.read);
    assert_int_equal(2, peer_count(peer, RECORDS_PATH));
    assert_int_equal(1, peer_count(peer, "GET /_ping"));
    fixture_close(&fixture, peer);
}

static void test_newest_api(void **state)
{
    static const struct peer_rule rules[] = {
        {"GET /_ping ", PEER_PONG("1.53")},
        {"GET /v1.52/info ", .answer = "HTTP/1.1 500 No\r\n\r\n"}, /* it goes on without */
        {"GET /v1.52/system/df?type=build-cache&verbose=1 ",
         JSON("{\"BuildCacheUsage\":{\"TotalCount\":1,\"Items\":[{\"ID\":\"abc\"}]}}")},
    };
    struct fixture fixture;
    (void)state;
    fixture_open(&fixture);
    struct peer *peer = fixture_peer(&fixture, rules, LEN(rules));
    fixture_start(&fixture, false);
    loop_wait(&fixture.loop, &fixture.read);
    assert_int_equal(1, fixture.records.len);
    assert_string_equal("1.52", engine_info(fixture.engine).api_version);
    assert_null(engine_info(fixture.engine).version);
    fixture_close(&fixture, peer);
}

/* Each way of being down: one line that names the place. */
static void test_down(void **state)
{
    static const struct {
        struct peer_rule rules[3];
        const char *words;
    } cases[] = {
        {{{"GET /_ping ", .answer = NULL}}, "broke off when asked for a sign of life"},
        {{{"GET /_ping ", .answer = "220 smtp ready\r\n"}}, "does not speak as an engine does"},
        {{{"GET /_ping ", JSON("OK")}}, "\"\" is no API version"},
        {{{"GET /_ping ", .answer = "HTTP/1.1 500 No\r\n\r\n{\"message\":\"starting\"}"}},
         "the engine says: starting"},
        {{PING, {"GET /v1.45/info", .answer = NULL}}, "broke off when asked for its version"},
        {{PING, INFO, {RECORDS_PATH, .answer = NULL}}, "broke off when asked for its records"},
        {{PING,
          INFO,
          {RECORDS_PATH, .answer = "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{\"Build"}},
         "in the middle of its answer"},
        {{PING, INFO, {RECORDS_PATH, JSON("{\"BuildCache\":[")}}, "is not a JSON object"},
        {{PING, INFO, {RECORDS_PATH, JSON("{}")}}, "holds no build cache"},
        {{PING, INFO, {RECORDS_PATH, .answer = "HTTP/1.1 400 No\r\n\r\n{\"message\":\"too new\"}"}},
         "asked for its records, the engine says: too new"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct fixture fixture;
        fixture_open(&fixture);
        struct peer *peer = fixture_peer(&fixture, cases[i].rules, 3);
        fixture_start(&fixture, false);
        loop_wait(&fixture.loop, &fixture.down);
        const char *error = engine_info(fixture.engine).error;
        if (error == NULL || strstr(error, cases[i].words) == NULL)
            fail_msg("case %zu: %s", i, error);
        assert_int_equal(0, fixture.reads);
        loop_linger(&fixture.loop, 20);
        assert_int_equal(1, fixture.states);
        fixture_close(&fixture, peer);
    }
}

static void test_absent(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_open(&fixture);
    fixture_start(&fixture, false);
    loop_wait(&fixture.loop, &fixture.down);
    assert_non_null(strstr(engine_info(fixture.engine).error, "is dockerd running?"));
    assert_non_null(strstr(engine_info(fixture.engine).error, fixture.path));
    fixture_close(&fixture, NULL);
}

static void test_permission(void **state)
{
    struct fixture fixture;
    uid_t user = geteuid();
    (void)state;
    fixture_open(&fixture);
    struct peer *peer = fixture_peer(&fixture, fixture_rules, LEN(fixture_rules));
    chmod(fixture.path, 0);
    if (user == 0)
        assert_int_equal(0, seteuid(65534)); /* root may always */
    fixture_start(&fixture, false);
    loop_wait(&fixture.loop, &fixture.down);
    assert_int_equal(0, seteuid(user));
    assert_non_null(strstr(engine_info(fixture.engine).error, "usermod -aG docker"));
    fixture_close(&fixture, peer);
}

static void test_hung(void **state)
{
    static const struct peer_rule rules[] = {{"GET /_ping ", .answer = NULL, .then = PEER_STAY}};
    struct fixture fixture;
    (void)state;
    fixture_open(&fixture);
    struct peer *peer = fixture_peer(&fixture, rules, LEN(rules));
    fixture_start(&fixture, false);
    loop_wait(&fixture.loop, &fixture.down);
    assert_non_null(strstr(engine_info(fixture.engine).error, "is it hung?"));
    fixture_close(&fixture, peer);
}

/* ---------------------------------------------------------------- life cycle */

/* Freed after any number of loop passes: no callback, nothing stays open. */
static void test_free_at_any_moment(void **state)
{
    static const struct peer_rule slow[] = {
        PING,
        INFO,
        {RECORDS_PATH, JSON("{\"BuildCache\":[{\"ID\":\"abc\"}]}"), .piece = 9},
        EVENTS};
    (void)state;
    for (int passes = 0; passes < 60; passes++) {
        struct fixture fixture;
        fixture_open(&fixture);
        struct peer *peer = passes % 7 != 6 ? fixture_peer(&fixture, slow, LEN(slow)) : NULL;
        fixture_start(&fixture, true);
        for (int i = 0; i < passes; i++)
            uv_run(&fixture.loop.loop, UV_RUN_NOWAIT);
        size_t states = fixture.states, reads = fixture.reads;
        fixture_close(&fixture, peer);
        assert_int_equal(states, fixture.states);
        assert_int_equal(reads, fixture.reads);
    }
    engine_free(NULL);
}

static void free_engine(void *arg)
{
    struct fixture *fixture = arg;
    engine_free(fixture->engine);
    fixture->engine = NULL;
    fixture->down = true;
}

static void free_engine_on_records(void *arg, struct records *records)
{
    struct fixture *fixture = arg;
    records_free(records);
    free_engine(fixture);
}

static void ignore_state(void *arg)
{
    (void)arg;
}

static void test_free_in_callback(void **state)
{
    static const struct engine_ops at_once = {free_engine, free_engine_on_records};
    static const struct engine_ops later = {ignore_state, free_engine_on_records};
    static const struct engine_ops *const cases[] = {&at_once, &later};
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct fixture fixture;
        fixture_open(&fixture);
        struct peer *peer = fixture_peer(&fixture, fixture_rules, LEN(fixture_rules));
        fixture.engine =
            engine_open(&fixture.loop.loop, &fixture.endpoint, true, cases[i], &fixture);
        loop_wait(&fixture.loop, &fixture.down);
        fixture_close(&fixture, peer);
    }
}

/* ------------------------------------------------------- an engine elsewhere */

/* docker is a script here: one that says how it was called. */
static void test_elsewhere(void **state)
{
    static char far_context[] = "far", default_context[] = "default", host[] = "tcp://far:2375";
    static char like_an_option[] = "--help";
    static const struct {
        char *context;
        const char *words;
    } cases[] = {
        {far_context, "tcp://far:2375: --context=far system dial-stdio"},
        {like_an_option, "tcp://far:2375: --context=--help system dial-stdio"},
        {default_context, "tcp://far:2375: --host=tcp://far:2375 system dial-stdio"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct fixture fixture;
        fixture_open(&fixture);
        fake_tool(fixture.dir, "docker", "echo \"$@\" >&2; exit 1");
        fake_path_set(fixture.dir);
        fixture.endpoint = (struct endpoint){cases[i].context, host, NULL};
        fixture_start(&fixture, false);
        loop_wait(&fixture.loop, &fixture.down);
        fake_path_restore();
        assert_string_equal(cases[i].words, engine_info(fixture.engine).error);
        fixture_close(&fixture, NULL);
    }
}

/* Every question is a child of its own; none outlives its answer, but for the
 * events', which goes with the engine. */
static void test_elsewhere_up(void **state)
{
    static char context[] = "far", host[] = "ssh://far";
    struct fixture fixture;
    (void)state;
    fixture_open(&fixture);
    fake_tool(fixture.dir, "docker",
              "read -r method path rest\n"
              "case $path in\n"
              "/_ping) printf 'HTTP/1.1 200 OK\\r\\nApi-Version: 1.45\\r\\n\\r\\nOK' ;;\n"
              "*/info) printf 'HTTP/1.1 200 OK\\r\\n\\r\\n{}' ;;\n"
              "*/df*) printf 'HTTP/1.1 200 OK\\r\\n\\r\\n{\"BuildCache\":[{\"ID\":\"abc\"}]}' ;;\n"
              "*) printf 'HTTP/1.1 200 OK\\r\\n\\r\\n'; exec sleep 60 ;;\n"
              "esac");
    fake_path_set(fixture.dir);
    fixture.endpoint = (struct endpoint){context, host, NULL};
    fixture_start(&fixture, true);
    loop_wait(&fixture.loop, &fixture.read);
    loop_linger(&fixture.loop, 100);
    assert_true(fixture.up);
    assert_int_equal(1, fixture.records.len);
    fake_path_restore();
    fixture_close(&fixture, NULL);
    assert_int_equal(-1, waitpid(-1, NULL, WNOHANG)); /* no zombie either */
    assert_int_equal(ECHILD, errno);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_newest_api),
        cmocka_unit_test(test_down),
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_permission),
        cmocka_unit_test(test_hung),
        cmocka_unit_test(test_free_at_any_moment),
        cmocka_unit_test(test_free_in_callback),
        cmocka_unit_test(test_elsewhere),
        cmocka_unit_test(test_elsewhere_up),
    };
    limit_program(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
