#include "core/engine/response.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
