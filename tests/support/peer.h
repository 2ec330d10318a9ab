/* A scripted peer on a unix socket: an engine that answers what the test says,
 * as badly as the test says. It lives on the test's loop.
 *
 *     static const struct peer_rule rules[] = {
 *         {"GET /_ping", PEER_PONG("1.45")},
 *         {"GET /v1.45/system/df", .answer = "HTTP/1.1 200 OK\r\n…", .piece = 1},
 *         {"GET /v1.45/events", .then = PEER_STAY},
 *     };
 *     struct peer *peer = peer_open(&loop, path, rules, LEN(rules)); */
#ifndef BILGE_TESTS_SUPPORT_PEER_H
#define BILGE_TESTS_SUPPORT_PEER_H

#include <stddef.h>

#include <uv.h>

enum peer_then {
    PEER_CLOSE, /* hangs up */
    PEER_STAY,  /* keeps the connection: peer_send() may follow */
};

struct peer_rule {
    const char *request; /* how the request begins: "GET /_ping" */
    const char *answer;  /* raw bytes, borrowed; NULL: nothing */
    size_t answer_len;   /* 0: up to the NUL */
    size_t piece;        /* written in pieces of so many bytes, a loop pass apart; 0: at once */
    enum peer_then then; /* after the last piece */
    unsigned delay_ms;   /* before the first piece */
};

#define PEER_PONG(version)                                                                         \
    .answer = "HTTP/1.1 200 OK\r\nApi-Version: " version "\r\nContent-Length: 2\r\n\r\nOK"

struct peer;

/* Binds `path`. Each connection's request is answered by the first rule that
 * fits; one that no rule fits is closed without an answer. Rules are borrowed. */
struct peer *peer_open(uv_loop_t *loop, const char *path, const struct peer_rule *rules,
                       size_t rules_len);
void peer_set_rules(struct peer *peer, const struct peer_rule *rules, size_t rules_len);
/* Closes the socket (its file goes) and all connections, as a dying engine does. */
void peer_close(struct peer *peer);

/* How many requests that begin so have come. */
size_t peer_count(const struct peer *peer, const char *request);
/* The last such request, whole; NULL: none came. Borrowed until the next one. */
const char *peer_last(const struct peer *peer, const char *request);
/* Writes to every open connection whose request begins so; returns to how many. */
size_t peer_send(struct peer *peer, const char *request, const char *data);
/* Hangs up on every such connection. */
void peer_hang_up(struct peer *peer, const char *request);
/* Connections open now. */
size_t peer_open_connections(const struct peer *peer);

/* Whole answers; the caller frees. `status` is "200 OK". */
char *peer_answer(const char *status, const char *body, size_t body_len);
/* The same in chunks of so many bytes. */
char *peer_chunked(const char *status, const char *body, size_t body_len, size_t chunk);

#endif
