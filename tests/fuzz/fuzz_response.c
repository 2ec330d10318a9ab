#include <stdlib.h>
#include <string.h>

#include "core/engine/response.h"

/* The first byte says in what pieces the rest comes: that must make no
 * difference to what is read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    int code;
    int status;
    struct buf headers, body;
};

static void on_header(void *arg, const char *name, const char *value)
{
    struct outcome *outcome = arg;
    buf_printf(&outcome->headers, "%s=%s\n", name, value);
}

static void on_body(void *arg, const char *data, size_t len)
{
    struct outcome *outcome = arg;
    buf_append(&outcome->body, data, len);
}

static const struct response_ops ops = {.on_header = on_header, .on_body = on_body};

static struct outcome read_in_pieces(const char *text, size_t len, size_t piece)
{
    struct outcome outcome = {0};
    struct response response;
    response_init(&response, &ops, &outcome);
    for (size_t at = 0; at < len && outcome.code == 0; at += piece)
        outcome.code =
            response_feed(&response, text + at, len - at < piece ? len - at : piece, NULL);
    if (outcome.code == 0)
        outcome.code = response_end(&response, NULL);
    if ((outcome.code == 0) != response_is_whole(&response))
        abort();
    outcome.status = response.status;
    response_done(&response);
    return outcome;
}

static bool same(const struct buf *a, const struct buf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const char *text = (const char *)data + 1;
    struct outcome whole = read_in_pieces(text, size - 1, size - 1);
    struct outcome parts = read_in_pieces(text, size - 1, data[0] % 32U + 1);
    if (whole.code != parts.code || whole.status != parts.status ||
        !same(&whole.headers, &parts.headers) || !same(&whole.body, &parts.body))
        abort();
    buf_done(&whole.headers);
    buf_done(&whole.body);
    buf_done(&parts.headers);
    buf_done(&parts.body);
    return 0;
}
