/* An engine that answers from files, for screen tests without root:
 *
 *     fake-engine SOCKET DIR
 *
 * GET /v1.45/system/df?type=build-cache is answered with DIR/system_df.json;
 * without such a file, 404. Beside it, when they are there:
 *   NAME.http        sent as it is (status line, headers, body), then closed
 *   NAME.delay                so many seconds pass first, for everybody
 *   NAME.hang        no answer ever comes
 *   build_prune.after.json   becomes system_df.json once POST /build/prune came
 * /events stays open. POST /_test/event sends its body to all who listen there.
 * Every request is noted in DIR/requests.log. Ends when its parent does. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "core/base/mem.h"

#define CLIENTS_MAX 64

struct client {
    int fd; /* -1: free */
    bool listens;
    struct buf request;
};

struct server {
    const char *directory;
    int listener;
    struct client clients[CLIENTS_MAX];
};

static char *answer_path(const struct server *server, const char *name, const char *ending)
{
    return mem_printf("%s/%s%s", server->directory, name, ending);
}

static bool read_answer(const struct server *server, const char *name, const char *ending,
                        struct buf *ret_body)
{
    char *path = answer_path(server, name, ending), piece[8192];
    FILE *file = fopen(path, "re");
    free(path);
    if (file == NULL)
        return false;
    for (size_t got; (got = fread(piece, 1, sizeof piece, file)) > 0;)
        buf_append(ret_body, piece, got);
    buf_append(ret_body, "", 0);
    fclose(file);
    return true;
}

static void note(const struct server *server, const char *line)
{
    char *path = answer_path(server, "requests", ".log");
    FILE *file = fopen(path, "ae");
    if (file != NULL) {
        fprintf(file, "%s\n", line);
        fclose(file);
    }
    free(path);
}

/* "/v1.45/system/df?type=build-cache" → "system_df" */
static char *name_of(const char *target)
{
    if (target[0] == '/' && target[1] == 'v' && strchr(target + 1, '/') != NULL)
        target = strchr(target + 1, '/');
    char *name = mem_strndup(target + 1, strcspn(target + 1, "?"));
    for (char *c = name; *c != '\0'; c++)
        if (*c == '/')
            *c = '_';
    return name;
}

static void drop(struct client *client)
{
    close(client->fd);
    client->fd = -1;
    client->listens = false;
    buf_done(&client->request);
}

static void send_all(struct client *client, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(client->fd, data, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return;
        data += sent;
        len -= (size_t)sent;
    }
}

static void reply(struct client *client, const char *status, const struct buf *body)
{
    struct buf out = {0};
    buf_printf(
        &out,
        "HTTP/1.1 %s\r\nApi-Version: 1.45\r\nOstype: linux\r\nServer: Docker/26.1.5 (linux)\r\n"
        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
        status, body->len);
    buf_append(&out, body->data, body->len);
    send_all(client, out.data, out.len);
    buf_done(&out);
}

static void start_events(struct client *client)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\n"
                               "Content-Type: application/json\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";
    send_all(client, head, sizeof head - 1);
    client->listens = true;
}

static void tell_listeners(struct server *server, const char *event)
{
    struct buf chunk = {0};
    buf_printf(&chunk, "%zx\r\n%s\n\r\n", strlen(event) + 1, event);
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (server->clients[i].fd >= 0 && server->clients[i].listens)
            send_all(&server->clients[i], chunk.data, chunk.len);
    buf_done(&chunk);
}

static void after_prune(const struct server *server)
{
    char *after = answer_path(server, "build_prune", ".after.json");
    char *now = answer_path(server, "system_df", ".json");
    rename(after, now); /* when there is one */
    free(after);
    free(now);
}

static void answer(struct server *server, struct client *client, const char *name,
                   const char *request_body)
{
    struct buf body = {0};
    if (read_answer(server, name, ".delay", &body))
        sleep((unsigned)strtoul(body.data, NULL, 10));
    buf_done(&body);
    if (strcmp(name, "_test_event") == 0) {
        tell_listeners(server, request_body);
        reply(client, "204 No Content", &body);
    } else if (read_answer(server, name, ".hang", &body)) {
        client->listens = false;
    } else if (read_answer(server, name, ".http", &body)) {
        send_all(client, body.data, body.len);
        drop(client);
    } else if (strcmp(name, "events") == 0) {
        start_events(client);
    } else if (read_answer(server, name, ".json", &body)) {
        reply(client, "200 OK", &body);
        if (strcmp(name, "build_prune") == 0)
            after_prune(server);
    } else {
        buf_append_str(&body, "{\"message\":\"page not found\"}");
        reply(client, "404 Not Found", &body);
    }
    buf_done(&body);
}

/* One whole request at the front of the buffer, if it is there. */
static bool take_request(struct server *server, struct client *client)
{
    const char *data = client->request.data;
    const char *end = data != NULL ? strstr(data, "\r\n\r\n") : NULL;
    if (end == NULL)
        return false;
    const char *length = strcasestr(data, "\r\nContent-Length:");
    size_t body_len = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
    size_t head_len = (size_t)(end + 4 - data);
    if (client->request.len < head_len + body_len)
        return false;
    char *line = mem_strndup(data, strcspn(data, "\r"));
    char *body = mem_strndup(data + head_len, body_len);
    size_t rest = client->request.len - head_len - body_len;
    memmove(client->request.data, client->request.data + head_len + body_len, rest + 1);
    client->request.len = rest;
    note(server, line);
    char *target = strchr(line, ' ') != NULL ? strchr(line, ' ') + 1 : line;
    target[strcspn(target, " ")] = '\0';
    char *name = name_of(target);
    answer(server, client, name, body);
    free(name);
    free(line);
    free(body);
    return client->fd >= 0;
}

static void hear(struct server *server, struct client *client)
{
    char data[65536];
    ssize_t got = read(client->fd, data, sizeof data);
    if (got <= 0) {
        drop(client);
        return;
    }
    buf_append(&client->request, data, (size_t)got);
    while (take_request(server, client))
        continue;
}

static void welcome(struct server *server)
{
    int fd = accept(server->listener, NULL, NULL);
    for (size_t i = 0; i < CLIENTS_MAX && fd >= 0; i++)
        if (server->clients[i].fd < 0) {
            server->clients[i].fd = fd;
            return;
        }
    if (fd >= 0)
        close(fd);
}

static int listen_on(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 16) < 0)
        return -1;
    return fd;
}

static void serve(struct server *server)
{
    struct pollfd fds[CLIENTS_MAX + 1];
    for (;;) {
        for (size_t i = 0; i < CLIENTS_MAX; i++)
            fds[i] = (struct pollfd){.fd = server->clients[i].fd, .events = POLLIN};
        fds[CLIENTS_MAX] = (struct pollfd){.fd = server->listener, .events = POLLIN};
        if (poll(fds, CLIENTS_MAX + 1, -1) < 0)
            continue;
        for (size_t i = 0; i < CLIENTS_MAX; i++)
            if (fds[i].revents != 0 && server->clients[i].fd >= 0)
                hear(server, &server->clients[i]);
        if (fds[CLIENTS_MAX].revents != 0)
            welcome(server);
    }
}

int main(int argc, char **argv)
{
    static struct server server;
    if (argc != 3) {
        fprintf(stderr, "usage: fake-engine SOCKET DIR\n");
        return 2;
    }
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    server.directory = argv[2];
    server.listener = listen_on(argv[1]);
    if (server.listener < 0) {
        perror(argv[1]);
        return 1;
    }
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        server.clients[i].fd = -1;
    printf("ready\n");
    fflush(stdout);
    serve(&server);
}
