#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/engine/response.h"
#include "tests/support/limit.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])

struct seen {
    struct buf headers;
    struct buf body;
};

static void on_header(void *arg, const char *name, const char *value)
{
    struct seen *seen = arg;
    buf_printf(&seen->headers, "%s=%s;", name, value);
}

static void on_body(void *arg, const char *data, size_t len)
{
    struct seen *seen = arg;
    assert_true(len > 0);
    buf_append(&seen->body, data, len);
}

static const struct response_ops ops = {.on_header = on_header, .on_body = on_body};

static const struct {
    const char *text;
    int code; /* at the end */
    int status;
    const char *headers;
    const char *body;
} cases[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 0, 200, "", "hello"},
    {"HTTP/1.0 404\r\ncontent-LENGTH:0\r\nApi-Version:\t1.45 \r\n\r\n", 0, 404, "api-version=1.45;",
     ""},
    {"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 0, 200, "", "ok"},
    {"HTTP/1.1 200 OK\r\n\r\nall until the end", 0, 200, "", "all until the end"},
    {"HTTP/1.1 200 OK\r\n\r\n", 0, 200, "", ""},
    {"HTTP/1.1 204 No Content\r\nX:\r\n\r\nnot a body", 0, 204, "x=;", ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;ext=1\r\n, world!..\r\n"
     "0\r\nTrailer: x\r\n\r\n",
     0, 200, "transfer-encoding=chunked;", "hello, world!.."},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: "
     "3\r\n\r\n1\r\nx\r\n0\r\n\r\n",
     0, 200, "transfer-encoding=Chunked;", "x"},
    {"HTTP/1.1 100 Continue\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
     "1\r\n\r\nx",
     0, 200, "", "x"},
    /* two answers: the second one was not asked for */
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 500 No\r\n\r\n", 0, 200, "", "x"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 0, 200, "", "x"},
    /* cut off */
    {"", -ECONNRESET, 0, "", ""},
    {"HTT", -ECONNRESET, 0, "", ""},
    {"HTTP/1.1 200 OK\r\nA: b\r\n", -ECONNRESET, 200, "a=b;", ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", -ECONNRESET, 200, "", "hell"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", -ECONNRESET, 200,
     "transfer-encoding=chunked;", "hel"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n0\r\n", -ECONNRESET, 200,
     "transfer-encoding=chunked;", "h"},
    {"HTTP/1.1 100 Continue\r\n\r\n", -ECONNRESET, 100, "", ""},
    /* no HTTP */
    {"SSH-2.0-OpenSSH_9.2\r\n", ERR_FORMAT, 0, "", ""},
    {"HTTP/2 200 OK\r\n", ERR_FORMAT, 0, "", ""},
    {"HTTP/1.1 20 OK\r\n", ERR_FORMAT, 0, "", ""},
    {"HTTP/1.1 2000 OK\r\n", ERR_FORMAT, 0, "", ""},
    {"\r\n", ERR_FORMAT, 0, "", ""},
    {"HTTP/1.1 200 OK\r\nno colon\r\n", ERR_FORMAT, 200, "", ""},
    {"HTTP/1.1 200 OK\r\n: no name\r\n", ERR_FORMAT, 200, "", ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", ERR_FORMAT, 200, "", ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n", ERR_FORMAT, 200, "", ""},
    {"HTTP/1.1 200 OK\r\nContent-Length:\r\n", ERR_FORMAT, 200, "", ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n", ERR_FORMAT, 200, "", ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n", ERR_FORMAT, 200, "", ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n", ERR_UNSUPPORTED, 200, "", ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ERR_FORMAT, 200,
     "transfer-encoding=chunked;", ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", ERR_FORMAT, 200,
     "transfer-encoding=chunked;", ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5x\r\n", ERR_FORMAT, 200,
     "transfer-encoding=chunked;", ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", ERR_FORMAT, 200,
     "transfer-encoding=chunked;", ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n", ERR_FORMAT, 200,
     "transfer-encoding=chunked;", "x"},
};

static void run(size_t index, size_t piece)
{
    const char *text = cases[index].text;
    size_t len = strlen(text);
    struct seen seen = {0};
    struct response response;
    struct err err = {0};
    int code = 0;
    response_init(&response, &ops, &seen);
    for (size_t at = 0; at < len && code == 0; at += piece)
        code = response_feed(&response, text + at, len - at < piece ? len - at : piece, &err);
    if (code == 0)
        code = response_end(&response, &err);
    assert_int_equal(cases[index].code, code);
    assert_int_equal(code, err.code);
    assert_int_equal(code == 0, response_is_whole(&response));
    assert_int_equal(cases[index].status, response.status);
    char *body = buf_take(&seen.body), *headers = buf_take(&seen.headers);
    assert_string_equal(cases[index].body, body);
    /* the lengths are no use to anybody else */
    assert_string_equal(cases[index].headers, headers);
    free(body);
    free(headers);
    response_done(&response);
}

static void test_any_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++)
        for (size_t piece = 1; piece <= strlen(cases[i].text) + 1; piece++)
            run(i, piece);
}

static int feed_many(const char *start, const char *more, size_t times, struct err *err)
{
    struct seen seen = {0};
    struct response response;
    response_init(&response, &ops, &seen);
    int code = response_feed(&response, start, strlen(start), err);
    for (size_t i = 0; i < times && code == 0; i++)
        code = response_feed(&response, more, strlen(more), err);
    assert_true(response.line.cap <= 64 * 1024);
    response_done(&response);
    buf_done(&seen.headers);
    buf_done(&seen.body);
    return code;
}

static void test_floods(void **state)
{
    struct err err;
    (void)state;
    assert_int_equal(ERR_LIMIT, feed_many("", "x", 1000000, &err));
    assert_int_equal(ERR_LIMIT, feed_many("HTTP/1.1 200 OK\r\n", "A: b\r\n", 1000000, &err));
    assert_int_equal(ERR_LIMIT, feed_many("", "HTTP/1.1 100 Go on\r\n\r\n", 1000000, &err));
    assert_int_equal(ERR_LIMIT, feed_many("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
                                          "x", 1000000, &err));
    assert_int_equal(ERR_LIMIT,
                     feed_many("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
                               "A: b\r\n", 1000000, &err));
    /* framing of a long body is no head */
    assert_int_equal(0, feed_many("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                                  "1\r\nx\r\n", 100000, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_split),
        cmocka_unit_test(test_floods),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
