#include "tests/support/peer.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"

struct connection {
    struct connection *next;
    struct peer *peer;
    uv_pipe_t stream;
    uv_timer_t timer;
    char piece_buffer[8192];
    char *request; /* in peer->requests; NULL until it is whole */
    struct buf head;
    const struct peer_rule *rule;
    size_t sent;
    int open_handles;
};

struct peer {
    uv_pipe_t listener;
    const struct peer_rule *rules;
    size_t rules_len;
    struct connection *connections;
    char **requests;
    size_t requests_len, requests_cap;
    int users; /* the listener and the connections */
};

static bool begins(const char *text, const char *start)
{
    return text != NULL && strncmp(text, start, strlen(start)) == 0;
}

static void peer_release(struct peer *peer)
{
    if (--peer->users > 0)
        return;
    for (size_t i = 0; i < peer->requests_len; i++)
        free(peer->requests[i]);
    free(peer->requests);
    free(peer);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;
    if (--connection->open_handles > 0)
        return;
    peer_release(connection->peer);
    buf_done(&connection->head);
    free(connection);
}

static void hang_up(struct connection *connection)
{
    struct connection **slot = &connection->peer->connections;
    while (*slot != NULL && *slot != connection)
        slot = &(*slot)->next;
    if (*slot == NULL)
        return; /* it was hung up on before */
    *slot = connection->next;
    uv_close((uv_handle_t *)&connection->stream, on_handle_closed);
    uv_close((uv_handle_t *)&connection->timer, on_handle_closed);
}

struct sending {
    uv_write_t write;
    struct connection *connection;
    char *data;
    bool last;
};

static void send_piece(struct connection *connection);

static void on_timer(uv_timer_t *timer)
{
    send_piece(timer->data);
}

static void on_sent(uv_write_t *write, int status)
{
    struct sending *sending = write->data;
    struct connection *connection = sending->connection;
    bool last = sending->last;
    free(sending->data);
    free(sending);
    if (status == UV_ECANCELED)
        return;
    if (status < 0 || (last && connection->rule->then == PEER_CLOSE))
        hang_up(connection);
    else if (!last)
        uv_timer_start(&connection->timer, on_timer, 0, 0);
}

static void send_bytes(struct connection *connection, const char *data, size_t len, bool last)
{
    struct sending *sending = mem_alloc(sizeof *sending);
    *sending =
        (struct sending){.connection = connection, .data = mem_strndup(data, len), .last = last};
    sending->write.data = sending;
    uv_buf_t buf = uv_buf_init(sending->data, (unsigned)len);
    uv_write(&sending->write, (uv_stream_t *)&connection->stream, &buf, 1, on_sent);
}

static void send_piece(struct connection *connection)
{
    const struct peer_rule *rule = connection->rule;
    size_t all =
        rule->answer_len > 0 || rule->answer == NULL ? rule->answer_len : strlen(rule->answer);
    size_t left = all - connection->sent;
    size_t len = rule->piece > 0 && rule->piece < left ? rule->piece : left;
    if (all == 0) {
        if (rule->then == PEER_CLOSE)
            hang_up(connection);
        return;
    }
    connection->sent += len;
    send_bytes(connection, rule->answer + connection->sent - len, len, len == left);
}

static void answer(struct connection *connection)
{
    struct peer *peer = connection->peer;
    connection->request = buf_take(&connection->head);
    mem_reserve((void **)&peer->requests, &peer->requests_cap, peer->requests_len + 1,
                sizeof *peer->requests);
    peer->requests[peer->requests_len++] = connection->request;
    for (size_t i = 0; i < peer->rules_len && connection->rule == NULL; i++)
        if (begins(connection->request, peer->rules[i].request))
            connection->rule = &peer->rules[i];
    if (connection->rule == NULL)
        hang_up(connection);
    else
        uv_timer_start(&connection->timer, on_timer, connection->rule->delay_ms, 0);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct connection *connection = handle->data;
    (void)suggested;
    *buf = uv_buf_init(connection->piece_buffer, sizeof connection->piece_buffer);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct connection *connection = stream->data;
    if (got < 0) {
        hang_up(connection);
        return;
    }
    if (connection->request != NULL)
        return;
    buf_append(&connection->head, buf->base, (size_t)got);
    if (strstr(connection->head.data, "\r\n\r\n") != NULL)
        answer(connection);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct peer *peer = listener->data;
    assert_int_equal(0, status);
    struct connection *connection = mem_zalloc(sizeof *connection);
    connection->peer = peer;
    connection->next = peer->connections;
    peer->connections = connection;
    peer->users++;
    uv_pipe_init(listener->loop, &connection->stream, 0);
    uv_timer_init(listener->loop, &connection->timer);
    connection->stream.data = connection->timer.data = connection;
    connection->open_handles = 2;
    assert_int_equal(0, uv_accept(listener, (uv_stream_t *)&connection->stream));
    uv_read_start((uv_stream_t *)&connection->stream, on_alloc, on_read);
}

struct peer *peer_open(uv_loop_t *loop, const char *path, const struct peer_rule *rules,
                       size_t rules_len)
{
    signal(SIGPIPE, SIG_IGN); /* either side may hang up while the other writes */
    struct peer *peer = mem_zalloc(sizeof *peer);
    peer->rules = rules;
    peer->rules_len = rules_len;
    peer->users = 1;
    uv_pipe_init(loop, &peer->listener, 0);
    peer->listener.data = peer;
    assert_int_equal(0, uv_pipe_bind(&peer->listener, path));
    assert_int_equal(0, uv_listen((uv_stream_t *)&peer->listener, 16, on_connection));
    return peer;
}

void peer_set_rules(struct peer *peer, const struct peer_rule *rules, size_t rules_len)
{
    peer->rules = rules;
    peer->rules_len = rules_len;
}

static void on_listener_closed(uv_handle_t *handle)
{
    peer_release(handle->data);
}

void peer_close(struct peer *peer)
{
    peer_hang_up(peer, "");
    while (peer->connections != NULL) /* those that have not asked anything yet */
        hang_up(peer->connections);
    uv_close((uv_handle_t *)&peer->listener, on_listener_closed);
}

size_t peer_count(const struct peer *peer, const char *request)
{
    size_t count = 0;
    for (size_t i = 0; i < peer->requests_len; i++)
        count += begins(peer->requests[i], request);
    return count;
}

const char *peer_last(const struct peer *peer, const char *request)
{
    for (size_t i = peer->requests_len; i > 0; i--)
        if (begins(peer->requests[i - 1], request))
            return peer->requests[i - 1];
    return NULL;
}

size_t peer_send(struct peer *peer, const char *request, const char *data)
{
    size_t count = 0;
    for (struct connection *at = peer->connections; at != NULL; at = at->next) {
        if (!begins(at->request, request))
            continue;
        send_bytes(at, data, strlen(data), true);
        count++;
    }
    return count;
}

void peer_hang_up(struct peer *peer, const char *request)
{
    struct connection *next;
    for (struct connection *at = peer->connections; at != NULL; at = next) {
        next = at->next;
        if (begins(at->request, request))
            hang_up(at);
    }
}

size_t peer_open_connections(const struct peer *peer)
{
    size_t count = 0;
    for (const struct connection *at = peer->connections; at != NULL; at = at->next)
        count++;
    return count;
}

char *peer_answer(const char *status, const char *body, size_t body_len)
{
    struct buf text = {0};
    buf_printf(&text,
               "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
               status, body_len);
    buf_append(&text, body, body_len);
    return buf_take(&text);
}

char *peer_chunked(const char *status, const char *body, size_t body_len, size_t chunk)
{
    struct buf text = {0};
    buf_printf(&text, "HTTP/1.1 %s\r\nTransfer-Encoding: chunked\r\n\r\n", status);
    for (size_t at = 0; at < body_len; at += chunk) {
        size_t len = body_len - at < chunk ? body_len - at : chunk;
        buf_printf(&text, "%zx\r\n", len);
        buf_append(&text, body + at, len);
        buf_append_str(&text, "\r\n");
    }
    buf_append_str(&text, "0\r\n\r\n");
    return buf_take(&text);
}
