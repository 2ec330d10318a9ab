#include "core/engine/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "core/engine/dial.h"
#include "core/engine/response.h"

#define READ_SIZE (64 * 1024)
#define API_VERSION_SIZE 16

/* The handles are embedded; `open_handles` counts those not yet closed, and
 * the last close callback frees the memory. */
struct http {
    uv_pipe_t stream;
    uv_timer_t deadline;
    uv_connect_t connect;
    uv_write_t write;
    char *message; /* the request as it is written */
    char *read_buffer;
    struct dial *dial; /* NULL: a unix socket */
    struct response response;
    struct http_answer answer;
    char api_version[API_VERSION_SIZE];
    size_t max_body_bytes;
    const struct http_ops *ops;
    void *arg;
    struct err start_err; /* what could not even begin; told on the next pass */
    int open_handles;
    bool body_over_limit;
    bool over; /* no more callbacks */
};

static void on_closed(uv_handle_t *handle)
{
    struct http *http = handle->data;
    if (--http->open_handles > 0)
        return;
    response_done(&http->response);
    buf_done(&http->answer.body);
    free(http->message);
    free(http->read_buffer);
    free(http);
}

void http_cancel(struct http *http)
{
    if (http == NULL || http->over)
        return;
    http->over = true;
    uv_close((uv_handle_t *)&http->stream, on_closed);
    uv_close((uv_handle_t *)&http->deadline, on_closed);
    if (http->dial != NULL)
        dial_free(http->dial);
}

static void finish(struct http *http, const struct err *err)
{
    if (http->over)
        return;
    const struct http_ops *ops = http->ops;
    void *arg = http->arg;
    struct err words;
    if (err != NULL && http->dial != NULL && err->code == -ECONNRESET &&
        dial_complaint(http->dial, &words))
        err = &words;
    http_cancel(http); /* what on_done starts must not find this one in its way */
    http->answer.status = http->response.status;
    http->answer.api_version = http->api_version;
    ops->on_done(arg, err != NULL ? NULL : &http->answer, err);
}

/* ------------------------------------------------------------ the answer */

static void on_header(void *arg, const char *name, const char *value)
{
    struct http *http = arg;
    if (strcmp(name, "api-version") == 0 && strlen(value) < API_VERSION_SIZE)
        strcpy(http->api_version, value);
}

static bool is_stream(const struct http *http)
{
    return http->ops->on_body != NULL && http->response.status < 300;
}

static void on_body(void *arg, const char *data, size_t len)
{
    struct http *http = arg;
    if (http->over)
        return;
    if (is_stream(http))
        http->ops->on_body(http->arg, data, len);
    else if (len > http->max_body_bytes - http->answer.body.len)
        http->body_over_limit = true;
    else
        buf_append(&http->answer.body, data, len);
}

static const struct response_ops response_ops = {.on_header = on_header, .on_body = on_body};

static void take_bytes(struct http *http, const char *data, size_t len)
{
    struct err err;
    if (response_feed(&http->response, data, len, &err) < 0) {
        finish(http, &err);
    } else if (http->body_over_limit) {
        err_set(&err, ERR_LIMIT, "an answer of more than %zu bytes", http->max_body_bytes);
        finish(http, &err);
    } else if (response_is_whole(&http->response)) {
        finish(http, NULL);
    } else if (http->ops->on_body != NULL && response_has_headers(&http->response) && !http->over) {
        uv_timer_stop(&http->deadline);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct http *http = handle->data;
    (void)suggested;
    *buf = uv_buf_init(http->read_buffer, READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct http *http = stream->data;
    struct err err;
    if (got > 0)
        take_bytes(http, buf->base, (size_t)got);
    else if (got < 0 && response_end(&http->response, &err) == 0)
        finish(http, NULL);
    else if (got < 0)
        finish(http, &err);
}

/* ----------------------------------------------------------- the request */

static void on_written(uv_write_t *write, int status)
{
    /* A peer that hung up may still have answered: reading tells. */
    (void)write;
    (void)status;
}

static void send_request(struct http *http)
{
    uv_buf_t buf = uv_buf_init(http->message, (unsigned)strlen(http->message));
    uv_read_start((uv_stream_t *)&http->stream, on_alloc, on_read);
    uv_write(&http->write, (uv_stream_t *)&http->stream, &buf, 1, on_written);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct http *http = connect->handle->data;
    if (http->over)
        return;
    if (status == 0) {
        send_request(http);
        return;
    }
    struct err err;
    err_sys(&err, status, "connecting");
    finish(http, &err);
}

static void on_deadline(uv_timer_t *timer)
{
    struct http *http = timer->data;
    struct err err;
    if (http->start_err.code == 0)
        err_set(&err, ERR_TIMEOUT, "%s", err_reason(ERR_TIMEOUT));
    finish(http, http->start_err.code != 0 ? &http->start_err : &err);
}

static int begin(struct http *http, uv_loop_t *loop, const struct http_target *target)
{
    if (target->socket_path == NULL) {
        int code = dial_open(loop, target->child, &http->stream, &http->dial, &http->start_err);
        if (code == 0)
            send_request(http);
        return code;
    }
    /* libuv would cut a long path and connect to something else. */
    if (strlen(target->socket_path) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return err_sys(&http->start_err, -ENAMETOOLONG, "connecting");
    uv_pipe_connect(&http->connect, &http->stream, target->socket_path, on_connected);
    return 0;
}

static char *write_message(const struct http_request *request)
{
    return mem_printf("%s %s HTTP/1.1\r\n"
                      "Host: docker\r\n"
                      "User-Agent: bilge\r\n"
                      "Accept: application/json\r\n"
                      "Content-Length: 0\r\n"
                      "Connection: close\r\n"
                      "\r\n",
                      request->method, request->path);
}

struct http *http_start(uv_loop_t *loop, const struct http_target *target,
                        const struct http_request *request, const struct http_ops *ops, void *arg)
{
    struct http *http = mem_zalloc(sizeof *http);
    http->ops = ops;
    http->arg = arg;
    http->max_body_bytes = request->max_body_bytes;
    http->message = write_message(request);
    http->read_buffer = mem_alloc(READ_SIZE);
    response_init(&http->response, &response_ops, http);
    uv_pipe_init(loop, &http->stream, 0);
    uv_timer_init(loop, &http->deadline);
    http->stream.data = http->deadline.data = http;
    http->open_handles = 2;
    if (begin(http, loop, target) < 0)
        uv_timer_start(&http->deadline, on_deadline, 0, 0);
    else if (request->deadline_ms > 0)
        uv_timer_start(&http->deadline, on_deadline, request->deadline_ms, 0);
    return http;
}
