#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/engine/engine.h"
#include "tests/support/fake_tool.h"
#include "tests/support/limit.h"
#include "tests/support/loop.h"
#include "tests/support/peer.h"
#include "tests/support/tempdir.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])
#define JSON(body) .answer = "HTTP/1.1 200 OK\r\n\r\n" body
#define PING                                                                                       \
    {                                                                                              \
        "GET /_ping ", PEER_PONG("1.45")                                                           \
    }
#define INFO                                                                                       \
    {                                                                                              \
        "GET /v1.45/info ", JSON("{\"ServerVersion\":\"26.1.5\",\"DockerRootDir\":\"/data\"}")     \
    }
#define RECORDS_PATH "GET /v1.45/system/df?type=build-cache "
#define RECORDS                                                                                    \
    {                                                                                              \
        RECORDS_PATH, JSON("{\"BuildCache\":[{\"ID\":\"abc\",\"Size\":5000000000}]}")              \
    }
#define EVENTS_PATH "GET /v1.45/events?"
#define EVENTS                                                                                     \
    {                                                                                              \
        EVENTS_PATH, .answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",            \
                     .then = PEER_STAY                                                             \
    }
#define EVENT "2\r\n{}\r\n"

static const struct peer_rule usual[] = {PING, INFO, RECORDS, EVENTS};

struct fixture {
    struct loop_fixture loop;
    char *dir, *path;
    struct endpoint endpoint;
    struct engine *engine;
    /* what was called */
    bool up, down, read, pruned;
    size_t states, reads, prunes;
    struct records records;
    int pruned_code;
    char pruned_words[512];
    char pruned_ids[256];
    int64_t freed_bytes;
};

static void on_state(void *arg)
{
    struct fixture *fixture = arg;
    enum engine_state state = engine_info(fixture->engine).state;
    fixture->states++;
    fixture->up = state == ENGINE_UP;
    fixture->down = state == ENGINE_DOWN;
}

static void on_records(void *arg, struct records *records)
{
    struct fixture *fixture = arg;
    assert_true(fixture->up);
    records_free(&fixture->records);
    fixture->records = *records;
    fixture->read = true;
    fixture->reads++;
}

static const struct engine_ops ops = {.on_state = on_state, .on_records = on_records};

static void open_fixture(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    loop_open(&fixture->loop, 20000);
    fixture->dir = tempdir_new();
    fixture->path = path_join(fixture->dir, "engine.sock");
    static char context[] = "default", host[] = "unix:///somewhere";
    fixture->endpoint = (struct endpoint){context, host, fixture->path};
}

static struct peer *open_peer(struct fixture *fixture, const struct peer_rule *rules, size_t len)
{
    return peer_open(&fixture->loop.loop, fixture->path, rules, len);
}

static void start(struct fixture *fixture, bool watch)
{
    fixture->engine = engine_open(&fixture->loop.loop, &fixture->endpoint, watch, &ops, fixture);
    assert_int_equal(ENGINE_CONNECTING, engine_info(fixture->engine).state);
    assert_int_equal(0, fixture->states);
}

static void close_fixture(struct fixture *fixture, struct peer *peer)
{
    engine_free(fixture->engine);
    if (peer != NULL)
        peer_close(peer);
    loop_finish(&fixture->loop);
    records_free(&fixture->records);
    tempdir_free(fixture->dir);
    free(fixture->path);
}

static void test_once(void **state)
{
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture);
    struct peer *peer = open_peer(&fixture, usual, LEN(usual));
    start(&fixture, false);
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
    close_fixture(&fixture, peer);
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
    open_fixture(&fixture);
    struct peer *peer = open_peer(&fixture, rules, LEN(rules));
    start(&fixture, false);
    loop_wait(&fixture.loop, &fixture.read);
    assert_int_equal(1, fixture.records.len);
    assert_string_equal("1.52", engine_info(fixture.engine).api_version);
    assert_null(engine_info(fixture.engine).version);
    close_fixture(&fixture, peer);
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
        open_fixture(&fixture);
        struct peer *peer = open_peer(&fixture, cases[i].rules, 3);
        start(&fixture, false);
        loop_wait(&fixture.loop, &fixture.down);
        const char *error = engine_info(fixture.engine).error;
        if (error == NULL || strstr(error, cases[i].words) == NULL)
            fail_msg("case %zu: %s", i, error);
        assert_int_equal(0, fixture.reads);
        loop_linger(&fixture.loop, 20);
        assert_int_equal(1, fixture.states);
        close_fixture(&fixture, peer);
    }
}

static void test_absent(void **state)
{
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture);
    start(&fixture, false);
    loop_wait(&fixture.loop, &fixture.down);
    assert_non_null(strstr(engine_info(fixture.engine).error, "is dockerd running?"));
    assert_non_null(strstr(engine_info(fixture.engine).error, fixture.path));
    close_fixture(&fixture, NULL);
}

static void test_permission(void **state)
{
    struct fixture fixture;
    uid_t user = geteuid();
    (void)state;
    open_fixture(&fixture);
    struct peer *peer = open_peer(&fixture, usual, LEN(usual));
    chmod(fixture.path, 0);
    if (user == 0)
        assert_int_equal(0, seteuid(65534)); /* root may always */
    start(&fixture, false);
    loop_wait(&fixture.loop, &fixture.down);
    assert_int_equal(0, seteuid(user));
    assert_non_null(strstr(engine_info(fixture.engine).error, "usermod -aG docker"));
    close_fixture(&fixture, peer);
}

static void test_hung(void **state)
{
    static const struct peer_rule rules[] = {{"GET /_ping ", .answer = NULL, .then = PEER_STAY}};
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture);
    struct peer *peer = open_peer(&fixture, rules, LEN(rules));
    start(&fixture, false);
    loop_wait(&fixture.loop, &fixture.down);
    assert_non_null(strstr(engine_info(fixture.engine).error, "is it hung?"));
    close_fixture(&fixture, peer);
}

/* An engine that comes, dies, and comes back, with nobody doing anything. */
static void test_comes_and_goes(void **state)
{
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture);
    start(&fixture, true);
    loop_wait(&fixture.loop, &fixture.down);
    loop_linger(&fixture.loop, 700); /* a try or two; the same news is no news */
    assert_int_equal(1, fixture.states);
    for (int round = 0; round < 3; round++) {
        struct peer *peer = open_peer(&fixture, usual, LEN(usual));
        uint64_t begun = uv_now(&fixture.loop.loop);
        fixture.read = false;
        loop_wait(&fixture.loop, &fixture.read);
        assert_true(uv_now(&fixture.loop.loop) - begun < limit_ms(5000));
        loop_linger(&fixture.loop, 50);
        assert_int_equal(1, peer_open_connections(peer)); /* the events */
        peer_close(peer);
        loop_wait(&fixture.loop, &fixture.down);
    }
    close_fixture(&fixture, NULL);
}

/* Seen at once by the file in its directory, where pauses alone would take 30 s. */
static void test_socket_appears(void **state)
{
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture);
    start(&fixture, true);
    loop_linger(&fixture.loop, 2500); /* tried at 0, 0.5 and 1.5; the next one comes at 3.5 s */
    struct peer *peer = open_peer(&fixture, usual, LEN(usual));
    uint64_t begun = uv_now(&fixture.loop.loop);
    loop_wait(&fixture.loop, &fixture.up);
    assert_true(uv_now(&fixture.loop.loop) - begun < limit_ms(500));
    close_fixture(&fixture, peer);
}

static void test_events(void **state)
{
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture);
    struct peer *peer = open_peer(&fixture, usual, LEN(usual));
    start(&fixture, true);
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
    assert_in_range(fixture.reads, 3, 3 + (clock_mono_ms() - from) / 1000); /* one a second */
    size_t settled = fixture.reads;
    loop_linger(&fixture.loop, 1500);
    assert_int_equal(settled, fixture.reads);
    assert_int_equal(1, fixture.states);
    close_fixture(&fixture, peer);
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
        open_fixture(&fixture);
        struct peer *peer = open_peer(&fixture, cases[i].rules, 4);
        start(&fixture, true);
        loop_wait(&fixture.loop, &fixture.read);
        loop_linger(&fixture.loop, 500);
        assert_int_equal(cases[i].tries, peer_count(peer, EVENTS_PATH));
        assert_int_equal(cases[i].tries, fixture.reads);
        assert_true(fixture.up);
        close_fixture(&fixture, peer);
    }
}

/* Changes that no event tells of are seen, too. */
static void test_looks_again(void **state)
{
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture);
    struct peer *peer = open_peer(&fixture, usual, LEN(usual));
    start(&fixture, true);
    loop_wait(&fixture.loop, &fixture.read);
    fixture.read = false;
    uint64_t begun = uv_now(&fixture.loop.loop);
    loop_wait(&fixture.loop, &fixture.read);
    assert_in_range(uv_now(&fixture.loop.loop) - begun, 4900, limit_ms(6000));
    assert_int_equal(1, peer_count(peer, EVENTS_PATH));
    loop_linger(&fixture.loop, 5500); /* nothing new: the next pause is longer */
    assert_int_equal(2, fixture.reads);
    close_fixture(&fixture, peer);
}

/* Asked again while an answer is under way: once more afterwards, not twice. */
static void test_refresh_meanwhile(void **state)
{
    static const struct peer_rule rules[] = {
        PING, INFO, {RECORDS_PATH, JSON("{\"BuildCache\":[]}"), .delay_ms = 100}, EVENTS};
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture);
    struct peer *peer = open_peer(&fixture, rules, LEN(rules));
    start(&fixture, true);
    while (peer_count(peer, RECORDS_PATH) == 0)
        loop_linger(&fixture.loop, 1);
    for (int i = 0; i < 10; i++) /* the loop does not run: the first answer is still to come */
        engine_refresh(fixture.engine);
    while (fixture.reads < 2)
        loop_linger(&fixture.loop, 10);
    loop_linger(&fixture.loop, 1500);
    assert_int_equal(2, fixture.reads);
    close_fixture(&fixture, peer);
}

static void test_refresh_when_down(void **state)
{
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture);
    start(&fixture, false);
    loop_wait(&fixture.loop, &fixture.down);
    struct peer *peer = open_peer(&fixture, usual, LEN(usual));
    loop_linger(&fixture.loop, 100); /* tries once, and stays quiet */
    assert_int_equal(0, peer_count(peer, ""));
    engine_refresh(fixture.engine);
    loop_wait(&fixture.loop, &fixture.up);
    close_fixture(&fixture, peer);
}

/* --------------------------------------------------------------------- prune */

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
    open_fixture(&fixture);
    struct peer *peer = open_peer(&fixture, rules, LEN(rules));
    start(&fixture, true);
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
    close_fixture(&fixture, peer);
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
        open_fixture(&fixture);
        struct peer *peer = open_peer(&fixture, rules, LEN(rules));
        start(&fixture, false);
        loop_wait(&fixture.loop, &fixture.read);
        assert_int_equal(
            0, engine_prune(fixture.engine, two_ids, 2, false, on_pruned, &fixture, NULL));
        loop_wait(&fixture.loop, &fixture.pruned);
        assert_int_equal(cases[i].code, fixture.pruned_code);
        assert_non_null(strstr(fixture.pruned_words, cases[i].words));
        close_fixture(&fixture, peer);
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
    open_fixture(&fixture);
    struct peer *peer = open_peer(&fixture, rules, LEN(rules));
    start(&fixture, false);
    loop_wait(&fixture.loop, &fixture.read);
    assert_int_equal(0, engine_prune(fixture.engine, ids, MANY, false, on_pruned, &fixture, NULL));
    loop_wait(&fixture.loop, &fixture.pruned);
    assert_int_equal(ERR_PEER, fixture.pruned_code);
    assert_string_equal("id0000 ", fixture.pruned_ids);
    assert_int_equal(5, fixture.freed_bytes);
    assert_int_equal(2, peer_count(peer, "POST"));
    close_fixture(&fixture, peer);
}

static void test_prune_cancel(void **state)
{
    static const struct peer_rule rules[] = {
        PING, INFO, RECORDS, {"POST ", .answer = NULL, .then = PEER_STAY}};
    (void)state;
    for (int by_free = 0; by_free < 2; by_free++) {
        struct fixture fixture;
        open_fixture(&fixture);
        struct peer *peer = open_peer(&fixture, rules, LEN(rules));
        start(&fixture, false);
        loop_wait(&fixture.loop, &fixture.read);
        for (int i = 0; i < 2; i++)
            assert_int_equal(
                0, engine_prune(fixture.engine, two_ids, 2, false, on_pruned, &fixture, NULL));
        loop_linger(&fixture.loop, 20);
        if (!by_free) {
            engine_prune_cancel(fixture.engine);
            assert_int_equal(2, fixture.prunes);
        }
        close_fixture(&fixture, peer);
        assert_int_equal(2, fixture.prunes);
        assert_int_equal(ERR_CANCELLED, fixture.pruned_code);
    }
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
        open_fixture(&fixture);
        struct peer *peer = passes % 7 != 6 ? open_peer(&fixture, slow, LEN(slow)) : NULL;
        start(&fixture, true);
        for (int i = 0; i < passes; i++)
            uv_run(&fixture.loop.loop, UV_RUN_NOWAIT);
        size_t states = fixture.states, reads = fixture.reads;
        close_fixture(&fixture, peer);
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
        open_fixture(&fixture);
        struct peer *peer = open_peer(&fixture, usual, LEN(usual));
        fixture.engine =
            engine_open(&fixture.loop.loop, &fixture.endpoint, true, cases[i], &fixture);
        loop_wait(&fixture.loop, &fixture.down);
        close_fixture(&fixture, peer);
    }
}

/* ------------------------------------------------------- an engine elsewhere */

/* docker is a script here: one that says how it was called. */
static void test_elsewhere(void **state)
{
    static char far_context[] = "far", default_context[] = "default", host[] = "tcp://far:2375";
    static const struct {
        char *context;
        const char *words;
    } cases[] = {
        {far_context, "tcp://far:2375: --context far system dial-stdio"},
        {default_context, "tcp://far:2375: --host tcp://far:2375 system dial-stdio"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct fixture fixture;
        open_fixture(&fixture);
        fake_tool(fixture.dir, "docker", "echo \"$@\" >&2; exit 1");
        fake_path_set(fixture.dir);
        fixture.endpoint = (struct endpoint){cases[i].context, host, NULL};
        start(&fixture, false);
        loop_wait(&fixture.loop, &fixture.down);
        fake_path_restore();
        assert_string_equal(cases[i].words, engine_info(fixture.engine).error);
        close_fixture(&fixture, NULL);
    }
}

/* Every question is a child of its own; none outlives its answer, but for the
 * events', which goes with the engine. */
static void test_elsewhere_up(void **state)
{
    static char context[] = "far", host[] = "ssh://far";
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture);
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
    start(&fixture, true);
    loop_wait(&fixture.loop, &fixture.read);
    loop_linger(&fixture.loop, 100);
    assert_true(fixture.up);
    assert_int_equal(1, fixture.records.len);
    fake_path_restore();
    close_fixture(&fixture, NULL);
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
        cmocka_unit_test(test_comes_and_goes),
        cmocka_unit_test(test_socket_appears),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_no_events),
        cmocka_unit_test(test_looks_again),
        cmocka_unit_test(test_refresh_meanwhile),
        cmocka_unit_test(test_refresh_when_down),
        cmocka_unit_test(test_prune),
        cmocka_unit_test(test_prune_fails),
        cmocka_unit_test(test_prune_in_parts),
        cmocka_unit_test(test_prune_cancel),
        cmocka_unit_test(test_free_at_any_moment),
        cmocka_unit_test(test_free_in_callback),
        cmocka_unit_test(test_elsewhere),
        cmocka_unit_test(test_elsewhere_up),
    };
    limit_program(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
