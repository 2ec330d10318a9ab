#include "core/engine/http.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/engine/dial.h"
#include "core/engine/response.h"

#define LINE_MAX_BYTES (16 * 1024)
#define HEAD_MAX_BYTES (64 * 1024)
/* Far above any cap of a body, far below where sums could overflow. */
#define LENGTH_MAX_DIGITS 15

void response_init(struct response *response, const struct response_ops *ops, void *arg)
{
    *response = (struct response){.ops = ops, .arg = arg, .left = -1};
}

void response_done(struct response *response)
{
    buf_done(&response->line);
}

/* "HTTP/1.1 200 OK" */
static int read_status(struct response *response, const char *line, struct err *err)
{
    bool ok = strncmp(line, "HTTP/1.", 7) == 0 && isdigit((unsigned char)line[7]) &&
              line[8] == ' ' && isdigit((unsigned char)line[9]) &&
              isdigit((unsigned char)line[10]) && isdigit((unsigned char)line[11]) &&
              (line[12] == ' ' || line[12] == '\0');
    if (!ok)
        return err_set(err, ERR_FORMAT, "the answer is not HTTP");
    response->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    response->state = RESPONSE_HEADERS;
    return 0;
}

static int read_length(struct response *response, const char *value, struct err *err)
{
    size_t digits = strspn(value, "0123456789");
    if (digits == 0 || digits > LENGTH_MAX_DIGITS || value[digits] != '\0')
        return err_set(err, ERR_FORMAT, "the answer has a broken length");
    int64_t length = strtoll(value, NULL, 10);
    if (response->left >= 0 && response->left != length)
        return err_set(err, ERR_FORMAT, "the answer has two lengths");
    response->left = length;
    return 0;
}

static int use_header(struct response *response, const char *name, const char *value,
                      struct err *err)
{
    if (strcmp(name, "content-length") == 0)
        return read_length(response, value, err);
    if (strcmp(name, "transfer-encoding") == 0) {
        if (strcasecmp(value, "chunked") != 0)
            return err_set(err, ERR_UNSUPPORTED, "the answer is encoded as \"%s\"", value);
        response->chunked = true;
    }
    if (response->ops->on_header != NULL && response->status >= 200)
        response->ops->on_header(response->arg, name, value);
    return 0;
}

static int read_header(struct response *response, char *line, struct err *err)
{
    char *colon = strchr(line, ':');
    if (colon == NULL || colon == line)
        return err_set(err, ERR_FORMAT, "the answer has a broken header");
    *colon = '\0';
    for (char *at = line; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    char *value = colon + 1 + strspn(colon + 1, " \t");
    size_t len = strlen(value);
    while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        value[--len] = '\0';
    return use_header(response, line, value, err);
}

static void end_headers(struct response *response)
{
    if (response->status < 200) { /* "100 Continue": the real one follows */
        response->left = -1;
        response->chunked = false;
        response->state = RESPONSE_STATUS;
    } else if (response->status == 204 || response->status == 304) {
        response->state = RESPONSE_DONE;
    } else if (response->chunked) {
        response->state = RESPONSE_CHUNK_SIZE;
    } else if (response->left < 0) {
        response->state = RESPONSE_UNTIL_END;
    } else {
        response->state = response->left > 0 ? RESPONSE_BODY : RESPONSE_DONE;
    }
}

/* "1a2b" or "1a2b;extension" */
static int read_chunk_size(struct response *response, const char *line, struct err *err)
{
    size_t digits = strspn(line, "0123456789abcdefABCDEF");
    char behind = line[digits];
    if (digits == 0 || digits >= LENGTH_MAX_DIGITS ||
        (behind != '\0' && behind != ';' && behind != ' ' && behind != '\t'))
        return err_set(err, ERR_FORMAT, "the answer has a broken chunk");
    response->left = strtoll(line, NULL, 16);
    response->state = response->left > 0 ? RESPONSE_CHUNK : RESPONSE_TRAILERS;
    return 0;
}

static int read_line(struct response *response, char *line, struct err *err)
{
    switch (response->state) {
    case RESPONSE_STATUS:
        return read_status(response, line, err);
    case RESPONSE_HEADERS:
        if (*line != '\0')
            return read_header(response, line, err);
        end_headers(response);
        return 0;
    case RESPONSE_CHUNK_SIZE:
        return read_chunk_size(response, line, err);
    case RESPONSE_CHUNK_END:
        response->state = RESPONSE_CHUNK_SIZE;
        return *line == '\0' ? 0 : err_set(err, ERR_FORMAT, "the answer has a broken chunk");
    default: /* trailers say nothing that we want to know */
        response->state = *line == '\0' ? RESPONSE_DONE : RESPONSE_TRAILERS;
        return 0;
    }
}

/* Takes bytes up to the end of a line; the line is acted upon once it is whole. */
static int feed_line(struct response *response, const char *data, size_t len, size_t *ret_taken,
                     struct err *err)
{
    const char *newline = memchr(data, '\n', len);
    size_t taken = newline != NULL ? (size_t)(newline - data) + 1 : len;
    bool in_head = response->state != RESPONSE_CHUNK_SIZE && response->state != RESPONSE_CHUNK_END;
    response->head_bytes += in_head ? taken : 0;
    if (response->line.len + taken > LINE_MAX_BYTES || response->head_bytes > HEAD_MAX_BYTES)
        return err_set(err, ERR_LIMIT, "the answer's headers are too long");
    buf_append(&response->line, data, taken);
    *ret_taken = taken;
    if (newline == NULL)
        return 0;
    struct buf *line = &response->line;
    line->data[--line->len] = '\0';
    if (line->len > 0 && line->data[line->len - 1] == '\r')
        line->data[--line->len] = '\0';
    int code = read_line(response, line->data, err);
    buf_clear(line);
    return code;
}

static size_t feed_body(struct response *response, const char *data, size_t len)
{
    if (response->state != RESPONSE_UNTIL_END) {
        if ((int64_t)len > response->left)
            len = (size_t)response->left;
        response->left -= (int64_t)len;
        if (response->left == 0)
            response->state =
                response->state == RESPONSE_CHUNK ? RESPONSE_CHUNK_END : RESPONSE_DONE;
    }
    response->ops->on_body(response->arg, data, len);
    return len;
}

int response_feed(struct response *response, const char *data, size_t len, struct err *err)
{
    while (len > 0 && response->state != RESPONSE_DONE) {
        size_t taken = 0;
        if (response->state == RESPONSE_BODY || response->state == RESPONSE_CHUNK ||
            response->state == RESPONSE_UNTIL_END) {
            taken = feed_body(response, data, len);
        } else {
            int code = feed_line(response, data, len, &taken, err);
            if (code < 0)
                return code;
        }
        data += taken;
        len -= taken;
    }
    return 0;
}

int response_end(struct response *response, struct err *err)
{
    if (response->state == RESPONSE_UNTIL_END)
        response->state = RESPONSE_DONE;
    if (response->state == RESPONSE_DONE)
        return 0;
    if (response->state == RESPONSE_STATUS && response->head_bytes == 0)
        return err_set(err, -ECONNRESET, "closed the connection without an answer");
    return err_set(err, -ECONNRESET, "closed the connection in the middle of its answer");
}

bool response_is_whole(const struct response *response)
{
    return response->state == RESPONSE_DONE;
}

bool response_has_headers(const struct response *response)
{
    return response->state > RESPONSE_HEADERS;
}

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

struct dial {
    uv_process_t child;
    int complaints; /* its standard error; a pipe is room enough for what it says */
    bool running;
};

static void dial_on_closed(uv_handle_t *handle)
{
    struct dial *dial = handle->data;
    close(dial->complaints);
    free(dial);
}

static void on_child_exit(uv_process_t *child, int64_t status, int signal)
{
    struct dial *dial = child->data;
    (void)status;
    (void)signal;
    if (dial->running) {
        dial->running = false;
        return;
    }
    uv_close((uv_handle_t *)child, dial_on_closed); /* dial_free() was called first */
}

static int make_streams(int streams[2], int complaints[2])
{
    int code = uv_socketpair(SOCK_STREAM, 0, streams, UV_NONBLOCK_PIPE, 0);
    if (code < 0)
        return code;
    code = uv_pipe(complaints, UV_NONBLOCK_PIPE, 0);
    if (code < 0) {
        close(streams[0]);
        close(streams[1]);
    }
    return code;
}

static int spawn(uv_loop_t *loop, struct dial *dial, const char *const *argv, int stream,
                 int complaints)
{
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_INHERIT_FD, .data.fd = stream},
        {.flags = UV_INHERIT_FD, .data.fd = stream},
        {.flags = UV_INHERIT_FD, .data.fd = complaints},
    };
    uv_process_options_t options = {
        .exit_cb = on_child_exit,
        .file = argv[0],
        .args = (char **)argv,
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = 3,
        .stdio = stdio,
    };
    return uv_spawn(loop, &dial->child, &options);
}

int dial_open(uv_loop_t *loop, const char *const *argv, uv_pipe_t *stream, struct dial **ret_dial,
              struct err *err)
{
    int streams[2], complaints[2];
    int code = make_streams(streams, complaints);
    if (code < 0)
        return err_sys(err, code, "starting %s", argv[0]);
    struct dial *dial = mem_zalloc(sizeof *dial);
    dial->complaints = complaints[0];
    code = spawn(loop, dial, argv, streams[1], complaints[1]);
    dial->child.data = dial;
    close(streams[1]);
    close(complaints[1]);
    if (code < 0) {
        close(streams[0]);
        uv_close((uv_handle_t *)&dial->child, dial_on_closed);
        return err_sys(err, code, "starting %s", argv[0]);
    }
    dial->running = true;
    uv_pipe_open(stream, streams[0]);
    *ret_dial = dial;
    return 0;
}

bool dial_complaint(struct dial *dial, struct err *err)
{
    char text[4096];
    ssize_t len = read(dial->complaints, text, sizeof text - 1);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    if (len <= 0)
        return false;
    text[len] = '\0';
    const char *newline = strrchr(text, '\n');
    err_set(err, ERR_PEER, "%s", newline != NULL ? newline + 1 : text);
    return true;
}

void dial_free(struct dial *dial)
{
    if (dial->running) {
        dial->running = false;
        kill(-dial->child.pid, SIGKILL);
        return; /* on_child_exit() goes on: a handle closed now would leave a zombie */
    }
    uv_close((uv_handle_t *)&dial->child, dial_on_closed);
}
