#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/engine/http.h"
#include "tests/support/limit.h"
#include "tests/support/loop.h"
#include "tests/support/peer.h"
#include "tests/support/tempdir.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])

struct fixture {
    struct loop_fixture loop;
    char *dir, *path;
    struct http_target target;
    /* what came back */
    bool done;
    int code;
    char words[512];
    int status;
    char api_version[16];
    struct buf body;
    size_t stream_calls;
    struct http *cancel_on_body;
};

static void open_fixture(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    loop_open(&fixture->loop, 10000);
    fixture->dir = tempdir_new();
    fixture->path = path_join(fixture->dir, "engine.sock");
    fixture->target.socket_path = fixture->path;
}

static void close_fixture(struct fixture *fixture)
{
    loop_finish(&fixture->loop);
    buf_done(&fixture->body);
    tempdir_free(fixture->dir);
    free(fixture->path);
}

static void on_done(void *arg, struct http_answer *answer, const struct err *err)
{
    struct fixture *fixture = arg;
    assert_false(fixture->done);
    assert_true((answer == NULL) != (err == NULL));
    fixture->done = true;
    if (err != NULL) {
        fixture->code = err->code;
        strcpy(fixture->words, err->text);
        return;
    }
    fixture->status = answer->status;
    strcpy(fixture->api_version, answer->api_version);
    buf_append(&fixture->body, answer->body.data, answer->body.len);
}

static void on_body(void *arg, const char *data, size_t len)
{
    struct fixture *fixture = arg;
    fixture->stream_calls++;
    buf_append(&fixture->body, data, len);
    http_cancel(fixture->cancel_on_body);
}

static const struct http_ops ops = {.on_done = on_done};
static const struct http_ops stream_ops = {.on_done = on_done, .on_body = on_body};

static struct http *start(struct fixture *fixture, const struct http_ops *with,
                          uint64_t deadline_ms)
{
    struct http_request request = {
        .method = "GET", .path = "/x", .deadline_ms = deadline_ms, .max_body_bytes = 1000};
    struct http *http = http_start(&fixture->loop.loop, &fixture->target, &request, with, fixture);
    assert_false(fixture->done);
    return http;
}

/* One request against a peer that answers so. */
static void ask(struct fixture *fixture, const struct peer_rule *rule, const struct http_ops *with)
{
    open_fixture(fixture);
    struct peer *peer = peer_open(&fixture->loop.loop, fixture->path, rule, 1);
    start(fixture, with, 300);
    loop_wait(&fixture->loop, &fixture->done);
    peer_close(peer);
    loop_finish(&fixture->loop);
}

static void forget(struct fixture *fixture)
{
    buf_done(&fixture->body);
    tempdir_free(fixture->dir);
    free(fixture->path);
}

static void test_answers(void **state)
{
    static const struct {
        struct peer_rule rule;
        int code, status;
        const char *body;
    } cases[] = {
        {{"GET /x HTTP/1.1", .answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
         0,
         200,
         "hello"},
        {{"GET /x", .answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", .piece = 1},
         0,
         200,
         "hello"},
        /* whole, though the peer does not hang up */
        {{"GET /x", .answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
          .then = PEER_STAY},
         0,
         200,
         "hello"},
        {{"GET /x",
          .answer = "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
          .piece = 2},
         0,
         500,
         "abc"},
        {{"GET /x", .answer = "HTTP/1.1 200 OK\r\n\r\nuntil the end", .piece = 3},
         0,
         200,
         "until the end"},
        {{"GET /x",
          .answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\n\r\nb"},
         0,
         200,
         "a"},
        /* dies */
        {{"GET /x", .answer = NULL}, -ECONNRESET, 0, ""},
        {{"GET /x", .answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"},
         -ECONNRESET,
         0,
         ""},
        {{"GET /x", .answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"},
         -ECONNRESET,
         0,
         ""},
        /* hangs */
        {{"GET /x", .answer = NULL, .then = PEER_STAY}, ERR_TIMEOUT, 0, ""},
        {{"GET /x", .answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel", .then = PEER_STAY},
         ERR_TIMEOUT,
         0,
         ""},
        /* lies */
        {{"GET /x", .answer = "SSH-2.0-OpenSSH\r\n"}, ERR_FORMAT, 0, ""},
        {{"GET /x", .answer = "HTTP/1.1 200 OK\r\nContent-Encoding: x\r\nTransfer-Encoding: x\r\n"},
         ERR_UNSUPPORTED,
         0,
         ""},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct fixture fixture;
        ask(&fixture, &cases[i].rule, &ops);
        assert_int_equal(cases[i].code, fixture.code);
        assert_int_equal(cases[i].status, fixture.status);
        buf_append(&fixture.body, "", 0);
        assert_string_equal(cases[i].body, fixture.body.data);
        forget(&fixture);
    }
}

static void test_api_version(void **state)
{
    static const struct peer_rule rules[] = {
        {"GET /x", PEER_PONG("1.45")},
        {"GET /x", .answer = "HTTP/1.1 200 OK\r\nAPI-VERSION: a-very-long-version\r\n\r\n"},
    };
    struct fixture fixture;
    (void)state;
    ask(&fixture, &rules[0], &ops);
    assert_string_equal("1.45", fixture.api_version);
    forget(&fixture);
    ask(&fixture, &rules[1], &ops);
    assert_string_equal("", fixture.api_version);
    forget(&fixture);
}

static void test_request(void **state)
{
    static const struct peer_rule rule = {"POST /a%20b HTTP/1.1\r\n", PEER_PONG("1")};
    struct http_request request = {.method = "POST", .path = "/a%20b", .max_body_bytes = 9};
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture);
    struct peer *peer = peer_open(&fixture.loop.loop, fixture.path, &rule, 1);
    http_start(&fixture.loop.loop, &fixture.target, &request, &ops, &fixture);
    loop_wait(&fixture.loop, &fixture.done);
    assert_non_null(strstr(peer_last(peer, "POST"), "\r\nConnection: close\r\n"));
    assert_non_null(strstr(peer_last(peer, "POST"), "\r\nContent-Length: 0\r\n"));
    assert_non_null(strstr(peer_last(peer, "POST"), "\r\nHost: "));
    peer_close(peer);
    close_fixture(&fixture);
}

static void test_body_limit(void **state)
{
    static const size_t sizes[] = {1000, 1001};
    char body[1001];
    (void)state;
    memset(body, 'x', sizeof body);
    for (size_t i = 0; i < LEN(sizes); i++) {
        struct fixture fixture;
        char *answer = peer_chunked("200 OK", body, sizes[i], 7);
        struct peer_rule rule = {"GET /x", .answer = answer, .piece = 100};
        ask(&fixture, &rule, &ops);
        assert_int_equal(sizes[i] > 1000 ? ERR_LIMIT : 0, fixture.code);
        assert_int_equal(sizes[i] > 1000 ? 0 : 1000, fixture.body.len);
        forget(&fixture);
        free(answer);
    }
}

static void test_no_connection(void **state)
{
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture);
    start(&fixture, &ops, 1000);
    loop_wait(&fixture.loop, &fixture.done);
    assert_int_equal(-ENOENT, fixture.code);

    fixture.done = false;
    file_write_text(fixture.dir, "engine.sock", "");
    start(&fixture, &ops, 1000);
    loop_wait(&fixture.loop, &fixture.done);
    assert_true(fixture.code == -ECONNREFUSED || fixture.code == -ENOTSOCK);

    fixture.done = false;
    char *deep = path_join(fixture.dir, "a-directory-whose-name-is-so-long-that-no-socket-address-"
                                        "can-hold-the-path-of-a-socket-that-lies-below-it/s.sock");
    fixture.target.socket_path = deep;
    start(&fixture, &ops, 1000);
    loop_wait(&fixture.loop, &fixture.done);
    assert_int_equal(-ENAMETOOLONG, fixture.code);
    free(deep);
    close_fixture(&fixture);
}

static void test_stream(void **state)
{
    static const struct peer_rule rule = {
        "GET /x", .answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        .then = PEER_STAY};
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture);
    struct peer *peer = peer_open(&fixture.loop.loop, fixture.path, &rule, 1);
    start(&fixture, &stream_ops, 100);
    loop_linger(&fixture.loop, 200); /* the deadline ended with the headers */
    assert_false(fixture.done);
    assert_int_equal(1, peer_send(peer, "GET /x", "3\r\nabc\r\n"));
    loop_linger(&fixture.loop, 50);
    assert_int_equal(1, fixture.stream_calls);
    peer_hang_up(peer, "GET /x");
    loop_wait(&fixture.loop, &fixture.done);
    assert_int_equal(-ECONNRESET, fixture.code);
    peer_close(peer);
    close_fixture(&fixture);
}

static void test_stream_ends(void **state)
{
    static const struct peer_rule rules[] = {
        {"GET /x", .answer = "HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nno!!"},
        {"GET /x", .answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"},
        {"GET /x", .answer = NULL, .then = PEER_STAY},
    };
    struct fixture fixture;
    (void)state;
    ask(&fixture, &rules[0], &stream_ops); /* a refusal is no stream */
    assert_int_equal(403, fixture.status);
    assert_int_equal(0, fixture.stream_calls);
    assert_int_equal(4, fixture.body.len);
    forget(&fixture);
    ask(&fixture, &rules[1], &stream_ops);
    assert_int_equal(200, fixture.status);
    assert_int_equal(1, fixture.stream_calls);
    forget(&fixture);
    ask(&fixture, &rules[2], &stream_ops);
    assert_int_equal(ERR_TIMEOUT, fixture.code);
    forget(&fixture);
}

/* Cancelled after any number of loop passes: no callback, nothing stays open. */
static void test_cancel(void **state)
{
    static const struct peer_rule rule = {
        "GET /x", .answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", .piece = 4,
        .then = PEER_STAY};
    (void)state;
    for (int passes = 0; passes < 20; passes++) {
        struct fixture fixture;
        open_fixture(&fixture);
        struct peer *peer = peer_open(&fixture.loop.loop, fixture.path, &rule, 1);
        struct http *http = start(&fixture, &ops, 0);
        for (int i = 0; i < passes; i++)
            uv_run(&fixture.loop.loop, UV_RUN_NOWAIT);
        http_cancel(http);
        peer_close(peer);
        close_fixture(&fixture);
        assert_false(fixture.done);
    }
    http_cancel(NULL);
}

static void test_cancel_in_callback(void **state)
{
    static const struct peer_rule rule = {
        "GET /x",
        .answer =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n"};
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture);
    struct peer *peer = peer_open(&fixture.loop.loop, fixture.path, &rule, 1);
    fixture.cancel_on_body = start(&fixture, &stream_ops, 0);
    loop_linger(&fixture.loop, 100);
    assert_false(fixture.done);
    assert_int_equal(1, fixture.stream_calls);
    peer_close(peer);
    close_fixture(&fixture);
}

/* -------------------------------------------------------- through a child */

static void run_child(struct fixture *fixture, const char *script, uint64_t deadline_ms)
{
    const char *const child[] = {"/bin/sh", "-c", script, NULL};
    open_fixture(fixture);
    fixture->target = (struct http_target){.child = child};
    start(fixture, &ops, deadline_ms);
    loop_wait(&fixture->loop, &fixture->done);
    loop_finish(&fixture->loop);
}

static void test_child(void **state)
{
    static const struct {
        const char *script;
        int code;
        const char *text; /* the body, or the words */
    } cases[] = {
        {"read line; printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi'; sleep 60", 0,
         "hi"},
        {"read line; printf 'HTTP/1.1 200 OK\\r\\n\\r\\n%s' \"$line\"", 0, "GET /x HTTP/1.1\r"},
        {"echo warning >&2; echo 'ssh: no route to far' >&2; exit 255", ERR_PEER,
         "ssh: no route to far"},
        {"exit 1", -ECONNRESET, "closed the connection without an answer"},
        {"sleep 60", ERR_TIMEOUT, "no answer in time"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct fixture fixture;
        run_child(&fixture, cases[i].script, 2000);
        buf_append(&fixture.body, "", 0);
        assert_int_equal(cases[i].code, fixture.code);
        assert_string_equal(cases[i].text, fixture.code < 0 ? fixture.words : fixture.body.data);
        forget(&fixture);
    }
}

static void test_no_child(void **state)
{
    static const char *const child[] = {"bilge-no-such-program", NULL};
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture);
    fixture.target = (struct http_target){.child = child};
    start(&fixture, &ops, 1000);
    loop_wait(&fixture.loop, &fixture.done);
    assert_int_equal(-ENOENT, fixture.code);
    close_fixture(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_api_version),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_body_limit),
        cmocka_unit_test(test_no_connection),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_stream_ends),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_cancel_in_callback),
        cmocka_unit_test(test_child),
        cmocka_unit_test(test_no_child),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
