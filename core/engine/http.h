/* One HTTP request to an engine, over a unix socket or over the standard
 * input and output of a child (`docker system dial-stdio`, for every engine
 * that is elsewhere). One request a connection.
 *
 * Why not libcurl: it brings 37 shared libraries, 6 MB of resident memory and
 * 6 ms of start, where the whole of bilge may take 5 MB and 8 ms; and what is
 * spoken here is HTTP/1.1 on a stream that libuv already reads.
 *
 * Who uses this ignores SIGPIPE: an engine may die while it is written to. */
#ifndef BILGE_ENGINE_HTTP_H
#define BILGE_ENGINE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "core/base/err.h"
#include "core/base/mem.h"

/* Where to; borrowed while a request runs. */
struct http_target {
    const char *socket_path;  /* NULL: run the child */
    const char *const *child; /* NULL-terminated argv */
};

struct http_request {
    const char *method; /* borrowed during http_start(), as is the path */
    const char *path;
    uint64_t deadline_ms;  /* for the whole answer; of a stream: for its headers. 0: none */
    size_t max_body_bytes; /* a longer body is ERR_LIMIT; of a stream it has no effect */
};

struct http_answer {
    int status;
    const char *api_version; /* header Api-Version; "" when there is none */
    struct buf body;         /* may be taken; empty for a stream */
};

struct http_ops {
    /* NULL: the body is collected. Else the answer is a stream: the body of a
     * 2xx answer comes here as it arrives. */
    void (*on_body)(void *arg, const char *data, size_t len);
    /* Once; the request is gone afterwards. Either an answer (any status) or
     * an error: a negative errno code when there was no connection, -ECONNRESET
     * when it ended early, ERR_TIMEOUT, ERR_LIMIT, ERR_FORMAT; ERR_PEER with the
     * child's own words. */
    void (*on_done)(void *arg, struct http_answer *answer, const struct err *err);
};

struct http;

/* No callback runs before it returns; what goes wrong comes by on_done. */
struct http *http_start(uv_loop_t *loop, const struct http_target *target,
                        const struct http_request *request, const struct http_ops *ops, void *arg);

/* No callback any more. May be called from on_body. The memory goes when
 * libuv has closed the handles. NULL is fine. */
void http_cancel(struct http *http);

#endif
