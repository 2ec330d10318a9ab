#include "tests/engine/lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/tempdir.h"
#include "tests/support/tree.h"

const char *const lab_services[LAB_SERVICES] = {"orchestration", "ruby-worker", "rust-worker"};

static const char slow_service[] =
    "\n"
    "  slow:\n"
    "    build:\n"
    "      network: none\n"
    "      dockerfile_inline: |\n"
    "        FROM local/base:1\n"
    "        RUN echo going to sleep && sleep " LAB_SLOW_SECONDS "\n";

void lab_add_services(struct lab *lab, const char *text)
{
    char *compose = file_read(lab->project, "compose.yml", NULL);
    char *more = mem_printf("%s%s", compose, text);
    file_write_text(lab->project, "compose.yml", more);
    free(compose);
    free(more);
}

static void set_environment(struct lab *lab)
{
    static const char *const kept[] = {"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"};
    size_t len = 0;
    lab->environment = mem_zalloc(16 * sizeof *lab->environment);
    lab->environment[len++] = mem_printf("HOME=%s", lab->home);
    lab->environment[len++] = mem_printf("PATH=%s/bin:/usr/bin:/bin", lab->engine_dir);
    lab->environment[len++] = mem_printf("DOCKER_HOST=unix://%s", lab->socket);
    lab->environment[len++] = mem_printf("BILGE_CACHE_ROOT=%s", lab->caches);
    lab->environment[len++] = mem_printf("BILGE_PROC=%s/proc", lab->path);
    lab->environment[len++] = mem_strdup("TERM=tmux-256color");
    lab->environment[len++] = mem_strdup("LANG=C.UTF-8");
    lab->environment[len++] = mem_strdup("TZ=UTC");
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (getenv(kept[i]) != NULL)
            lab->environment[len++] = mem_printf("%s=%s", kept[i], getenv(kept[i]));
}

/* One program at a time, however many make runs: they kill the engine. The
 * lock goes with the program. */
static void wait_for_others(const char *engine_dir)
{
    char *path = path_join(engine_dir, "work/test-lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) < 0) {
        printf("Bail out! %s cannot be locked\n", path);
        exit(99);
    }
    free(path);
}

struct lab *lab_new(void)
{
    const char *engine_dir = getenv("BILGE_TEST_ENGINE_DIR");
    if (engine_dir == NULL || *engine_dir == '\0')
        return NULL;
    wait_for_others(engine_dir);
    struct lab *lab = mem_zalloc(sizeof *lab);
    lab->engine_dir = mem_strdup(engine_dir);
    lab->path = mem_printf("%s/work/test-%ld", engine_dir, (long)getpid());
    lab->project = path_join(lab->path, "project");
    lab->caches = path_join(lab->path, "caches");
    lab->home = path_join(lab->path, "home");
    lab->socket = path_join(engine_dir, "run/docker.sock");
    dir_make(lab->path, "caches");
    dir_make(lab->path, "home");
    dir_make(lab->path, "proc");
    char *sample = path_join(getenv("BILGE_TEST_DATA"), "../sample");
    tree_copy(sample, lab->path, "project");
    free(sample);
    lab_add_services(lab, slow_service);
    set_environment(lab);
    return lab;
}

void lab_free(struct lab *lab)
{
    if (lab == NULL)
        return;
    for (char **one = lab->environment; *one != NULL; one++)
        free(*one);
    free(lab->environment);
    tempdir_free(lab->path);
    free(lab->engine_dir);
    free(lab->project);
    free(lab->caches);
    free(lab->home);
    free(lab->socket);
    free(lab);
}

static int run(const char *directory, char *const *environment, const char *const *argv,
               struct buf *ret_out)
{
    int ends[2], status;
    assert_int_equal(0, pipe(ends));
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        alarm(0);
        if (chdir(directory) < 0)
            _exit(126);
        execvpe(argv[0], (char **)argv, (char **)environment);
        _exit(127);
    }
    close(ends[1]);
    char piece[8192];
    struct buf out = {0};
    for (ssize_t got; (got = read(ends[0], piece, sizeof piece)) > 0;)
        buf_append(&out, piece, (size_t)got);
    close(ends[0]);
    assert_int_equal(child, waitpid(child, &status, 0));
    if (ret_out != NULL) {
        buf_done(ret_out);
        *ret_out = out;
        buf_append(ret_out, "", 0);
    } else {
        buf_done(&out);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int lab_run(struct lab *lab, const char *const *argv, struct buf *ret_out)
{
    return run(lab->project, lab->environment, argv, ret_out);
}

int lab_bilge(struct lab *lab, const char *const *words, struct buf *ret_out)
{
    const char *argv[24] = {getenv("BILGE_TEST_BIN")};
    for (size_t i = 0; words[i] != NULL && i < 22; i++)
        argv[1 + i] = words[i];
    return lab_run(lab, argv, ret_out);
}

cJSON *lab_bilge_json(struct lab *lab, const char *const *words, int *ret_status)
{
    struct buf out = {0};
    *ret_status = lab_bilge(lab, words, &out);
    cJSON *json = cJSON_Parse(out.data);
    if (json == NULL)
        fail_msg("bilge %s printed no JSON: %s", words[0], out.data);
    buf_done(&out);
    return json;
}

struct terminal *lab_open_screen(struct lab *lab, int columns, int rows)
{
    const char *const argv[] = {getenv("BILGE_TEST_BIN"), NULL};
    struct terminal *terminal = terminal_start(&(struct terminal_spec){
        .argv = argv,
        .environment = (const char *const *)lab->environment,
        .directory = lab->project,
        .columns = columns,
        .rows = rows,
    });
    terminal_set_patience(terminal, 60000); /* real builds, on machines of any speed */
    return terminal;
}

void lab_engine_with(struct lab *lab, const char *command, const char *const *words)
{
    extern char **environ;
    char *script = mem_printf("%s/engine", getenv("BILGE_TEST_SUPPORT"));
    const char *argv[16] = {script, command, "--dir", lab->engine_dir};
    for (size_t i = 0; words[i] != NULL && i < 11; i++)
        argv[4 + i] = words[i];
    assert_int_equal(0, run("/", environ, argv, NULL));
    free(script);
}

void lab_engine(struct lab *lab, const char *command)
{
    static const char *const nothing[] = {NULL};
    lab_engine_with(lab, command, nothing);
}

/* ---- what others say */

static void read_all(int fd, struct buf *ret_answer)
{
    char piece[8192];
    for (ssize_t got; (got = read(fd, piece, sizeof piece)) > 0;)
        buf_append(ret_answer, piece, (size_t)got);
    buf_append(ret_answer, "", 0);
}

/* HTTP/1.0, so that the answer is not chunked and ends with the connection. */
cJSON *lab_ask_engine(struct lab *lab, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", lab->socket);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        close(fd);
        return NULL;
    }
    struct buf answer = {0};
    dprintf(fd, "GET %s HTTP/1.0\r\nHost: docker\r\n\r\n", path);
    read_all(fd, &answer);
    close(fd);
    const char *body = strstr(answer.data, "\r\n\r\n");
    cJSON *json = body != NULL ? cJSON_Parse(body + 4) : NULL;
    buf_done(&answer);
    return json;
}

cJSON *lab_records(struct lab *lab, cJSON **ret_answer)
{
    cJSON *answer = lab_ask_engine(lab, "/v1.45/system/df?type=build-cache");
    assert_non_null(answer);
    cJSON *records = cJSON_GetObjectItemCaseSensitive(answer, "BuildCache");
    *ret_answer = answer;
    return records;
}

int64_t lab_du(struct lab *lab, const char *service)
{
    char *path = path_join(lab->caches, service);
    const char *const argv[] = {"du", "-B1", "-s", path, NULL};
    struct buf out = {0};
    assert_int_equal(0, lab_run(lab, argv, &out));
    int64_t bytes = strtoll(out.data, NULL, 10);
    buf_done(&out);
    free(path);
    return bytes;
}

bool lab_has_cache(struct lab *lab, const char *service)
{
    char *index = mem_printf("%s/index.json", service);
    bool there = file_exists(lab->caches, index);
    free(index);
    return there;
}

static bool process_has(const char *pid, const char *word)
{
    char *path = mem_printf("/proc/%s/cmdline", pid), args[4096];
    FILE *file = fopen(path, "re");
    free(path);
    if (file == NULL)
        return false;
    size_t len = fread(args, 1, sizeof args - 1, file);
    fclose(file);
    args[len] = '\0';
    for (size_t i = 0; i < len; i += strlen(args + i) + 1)
        if (strcmp(args + i, word) == 0)
            return true;
    return false;
}

int lab_processes(const char *word)
{
    DIR *proc = opendir("/proc");
    int count = 0;
    assert_non_null(proc);
    for (struct dirent *entry; (entry = readdir(proc)) != NULL;)
        if (isdigit((unsigned char)entry->d_name[0]))
            count += process_has(entry->d_name, word);
    closedir(proc);
    return count;
}
