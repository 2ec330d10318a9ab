/* Reads one HTTP/1.1 response, in whatever pieces it comes. Pure: no socket,
 * no clock. What the peer can make grow is capped. Source: RFC 9112. */
#ifndef BILGE_ENGINE_RESPONSE_H
#define BILGE_ENGINE_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/mem.h"

struct response_ops {
    /* Each header of the final response, name in lower case; NULL: not wanted. */
    void (*on_header)(void *arg, const char *name, const char *value);
    /* The body, without its framing; valid during the call. */
    void (*on_body)(void *arg, const char *data, size_t len);
};

enum response_state {
    RESPONSE_STATUS,
    RESPONSE_HEADERS,
    RESPONSE_BODY,      /* as many bytes as Content-Length said */
    RESPONSE_UNTIL_END, /* no length given: all until the peer closes */
    RESPONSE_CHUNK_SIZE,
    RESPONSE_CHUNK,
    RESPONSE_CHUNK_END, /* the line end behind a chunk */
    RESPONSE_TRAILERS,
    RESPONSE_DONE,
};

struct response {
    enum response_state state;
    int status; /* 0 until known */
    const struct response_ops *ops;
    void *arg;
    struct buf line;
    size_t head_bytes; /* of status line, headers, trailers */
    int64_t left;      /* bytes of the body or of the chunk; -1: no length given */
    bool chunked;
};

void response_init(struct response *response, const struct response_ops *ops, void *arg);
void response_done(struct response *response);

/* Bytes behind a whole response are ignored. ERR_FORMAT: it is no HTTP;
 * ERR_LIMIT: headers too long; ERR_UNSUPPORTED: an unknown transfer coding. After
 * an error only response_done() may follow. */
int response_feed(struct response *response, const char *data, size_t len, struct err *err);
/* The peer has closed. 0 when the response was whole, else -ECONNRESET. */
int response_end(struct response *response, struct err *err);
/* Nothing more is to come. */
bool response_is_whole(const struct response *response);
bool response_has_headers(const struct response *response);

#endif
