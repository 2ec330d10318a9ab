#include "core/cache/clients.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/base/text.h"
#include "core/cache/busy.h"
#include "core/cache/processes.h"

#define MAX_TEXT 80

/* Options that take the next word as their value, of docker, compose and
 * buildx before their subcommand. */
static const char *const value_options[] = {
    "-f",        "--file",      "-p",          "--project-name", "--project-directory",
    "--profile", "--env-file",  "--parallel",  "--progress",     "--ansi",
    "-H",        "--host",      "-c",          "--context",      "--config",
    "-l",        "--log-level", "--tlscacert", "--tlscert",      "--tlskey",
    "--builder", "--addr",      "--timeout",   "--workdir",
};

struct strlist {
    const char *at, *end;
};

static const char *next_word(struct strlist *words)
{
    if (words->at >= words->end)
        return NULL;
    const char *word = words->at;
    words->at += strnlen(word, (size_t)(words->end - word)) + 1;
    return word;
}

static bool takes_value(const char *option)
{
    for (size_t i = 0; i < sizeof value_options / sizeof value_options[0]; i++)
        if (strcmp(option, value_options[i]) == 0)
            return true;
    return false;
}

/* The next word that is no option; "" at the end. */
static const char *next_command(struct strlist *words)
{
    const char *word;
    while ((word = next_word(words)) != NULL) {
        if (word[0] != '-')
            return word;
        if (takes_value(word))
            next_word(words);
    }
    return "";
}

static bool has_word(struct strlist words, const char *wanted)
{
    const char *word;
    while ((word = next_word(&words)) != NULL)
        if (strcmp(word, wanted) == 0)
            return true;
    return false;
}

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool compose_builds(struct strlist words)
{
    const char *command = next_command(&words);
    if (is(command, "compose")) /* docker runs its plugin with the plugin's own name first */
        command = next_command(&words);
    if (is(command, "up") || is(command, "create") || is(command, "run"))
        return has_word(words, "--build");
    return is(command, "build");
}

static bool buildx_builds(struct strlist words)
{
    const char *command = next_command(&words);
    if (is(command, "buildx"))
        command = next_command(&words);
    return is(command, "build") || is(command, "b") || is(command, "bake") || is(command, "f");
}

static bool docker_builds(struct strlist words)
{
    const char *command = next_command(&words);
    if (is(command, "compose"))
        return compose_builds(words);
    if (is(command, "buildx"))
        return buildx_builds(words);
    if (is(command, "builder") || is(command, "image"))
        command = next_command(&words);
    return is(command, "build");
}

bool client_builds(const char *args, size_t len)
{
    if (len == 0 || args[len - 1] != '\0')
        return false;
    struct strlist words = {args, args + len};
    const char *tool = path_name(next_word(&words));
    if (strncmp(tool, "python", 6) == 0) {
        const char *script = next_word(&words);
        tool = script != NULL ? path_name(script) : "";
    }
    if (is(tool, "docker"))
        return docker_builds(words);
    if (is(tool, "docker-compose"))
        return compose_builds(words);
    if (is(tool, "docker-buildx") || is(tool, "buildx"))
        return buildx_builds(words);
    return is(tool, "buildctl") && is(next_command(&words), "build");
}

char *client_text(const char *args, size_t len)
{
    struct strlist words = {args, args + len};
    struct buf text = {0};
    const char *word = next_word(&words);
    if (word != NULL)
        word = path_name(word);
    for (; word != NULL && text.len < MAX_TEXT; word = next_word(&words)) {
        if (text.len > 0)
            buf_append_str(&text, " ");
        text_clean(&text, word, strnlen(word, MAX_TEXT));
    }
    if (text.len > MAX_TEXT || word != NULL)
        buf_append_str(&text, " ...");
    return buf_take(&text);
}

#define MAX_COMMAND_LINE 4096

/* Its length, 0: none that can be seen; or a negative errno code. */
static ssize_t read_command_line(int proc_fd, const char *pid, char *out, size_t size)
{
    char path[32];
    snprintf(path, sizeof path, "%.16s/cmdline", pid);
    int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) /* a process ends, or is hidden from us; or we can't open anything */
        return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -errno : 0;
    ssize_t got = read(fd, out, size - 1);
    close(fd);
    if (got <= 0)
        return 0;
    /* One that was cut still ends its last word. */
    if (out[got - 1] != '\0')
        out[got++] = '\0';
    return got;
}

static bool is_own(pid_t pid, const pid_t *own_sessions)
{
    pid_t session = own_sessions != NULL ? getsid(pid) : -1;
    for (; own_sessions != NULL && *own_sessions != 0; own_sessions++)
        if (session == *own_sessions)
            return true;
    return pid == getpid();
}

struct client_search {
    int proc_fd;
    const pid_t *own_sessions;
    char *found;
};

static int look_at_process(void *arg, const char *name, enum fs_type type)
{
    struct client_search *search = arg;
    char args[MAX_COMMAND_LINE];
    (void)type;
    long pid = strtol(name, NULL, 10);
    if (pid <= 0)
        return 0;
    ssize_t len = read_command_line(search->proc_fd, name, args, sizeof args);
    if (len < 0)
        return (int)len;
    if (len == 0 || !client_builds(args, (size_t)len) || is_own((pid_t)pid, search->own_sessions))
        return 0;
    char *text = client_text(args, (size_t)len);
    search->found = mem_printf("%s (pid %ld)", text, pid);
    free(text);
    return 1;
}

char *busy_building_client(const pid_t *own_sessions)
{
    struct client_search search = {.own_sessions = own_sessions};
    int code = fs_open_root(processes_path(), &search.proc_fd, NULL);
    if (code == -ENOENT)
        return NULL;
    if (code == 0) {
        code = fs_each(search.proc_fd, look_at_process, &search, NULL);
        close(search.proc_fd);
    }
    if (code < 0)
        return mem_printf("whether a build runs can't be told: reading the list of processes: %s",
                          err_reason(code));
    return search.found;
}
