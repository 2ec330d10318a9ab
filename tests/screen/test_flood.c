/* Builds that print far too much: no line is lost, memory keeps within its
 * bound, and keys are answered meanwhile.
 *
 * BILGE_TEST_FLOOD=2000000: so many lines; then with the default bound. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "tests/screen/stage.h"
#include "tests/support/limit.h"
#include "tests/support/peak.h"

#define MIB (1024L * 1024)
#define LINES_USUAL 200000
/* What a bound leaves out: the pipe, an event, the screen's own. */
#define BESIDE_BYTES (6 * MIB)

static uint64_t lines_wanted(void)
{
    const char *text = getenv("BILGE_TEST_FLOOD");
    return text != NULL ? strtoull(text, NULL, 10) : LINES_USUAL;
}

static long bound_bytes(void)
{
    return lines_wanted() > LINES_USUAL ? 64 * MIB : 4 * MIB;
}

static void set_script(const struct world *world, const char *script)
{
    file_write_text(world->docker, "build.mode", "script");
    file_write_text(world->docker, "build.sh", script);
}

static void set_flood(const struct world *world, const char *form, const char *kind, uint64_t count,
                      const char *mark)
{
    char script[1024];
    snprintf(script, sizeof script, "exec '%s' %s %s %llu %s\n", getenv("BILGE_TEST_FLOODER"), form,
             kind, (unsigned long long)count, mark != NULL ? mark : "");
    set_script(world, script);
}

static void set_bound(struct world *world)
{
    char text[64];
    snprintf(text, sizeof text, "[log]\nmemory = %ldMiB\n", bound_bytes() / MIB);
    file_write_text(world->path, "settings.ini", text);
}

static char *settings_path(const struct world *world)
{
    return path_join(world->path, "settings.ini");
}

/* ---------------------------------------------------------------- headless */

struct headless {
    pid_t pid;
    FILE *out;
    int status;
    long peak_bytes;
};

static void headless_start(struct headless *run, struct world *world)
{
    int ends[2];
    char *settings = settings_path(world);
    const char *argv[] = {getenv("BILGE_TEST_BIN"), "--config", settings, "build",
                          "orchestration",          NULL};
    assert_int_equal(pipe(ends), 0);
    run->pid = fork();
    if (run->pid == 0) {
        close(ends[0]);
        dup2(ends[1], STDOUT_FILENO);
        freopen("/dev/null", "w", stderr);
        if (chdir(world->project) == 0)
            execve(argv[0], (char **)argv, world->environment);
        _exit(127);
    }
    close(ends[1]);
    run->out = fdopen(ends[0], "r");
    free(settings);
}

static void headless_end(struct headless *run)
{
    struct rusage usage;
    int status;
    fclose(run->out);
    assert_int_equal(wait4(run->pid, &status, 0, &usage), run->pid);
    run->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    run->peak_bytes = usage.ru_maxrss * 1024;
}

/* Reads the lines of the step; what is left of each is "#1 0.500 " and this. */
static uint64_t count_lines(struct headless *run, const char *kind)
{
    char *line = NULL, wanted[128];
    size_t cap = 0;
    ssize_t len;
    uint64_t count = 0, bytes = 0;
    while ((len = getline(&line, &cap, run->out)) > 0) {
        char *text = strncmp(line, "#1 0.5", 6) == 0 ? strchr(line + 3, ' ') : NULL;
        if (text == NULL && strcmp(kind, "long") == 0 && line[0] == 'x')
            text = line - 1;
        if (text == NULL)
            continue;
        text++;
        size_t text_len = (size_t)(line + len - text) - 1;
        if (strcmp(kind, "numbered") == 0) {
            snprintf(wanted, sizeof wanted, "line %09llu of the flood, of which",
                     (unsigned long long)count);
            assert_memory_equal(text, wanted, strlen(wanted));
        } else if (strcmp(kind, "nul") == 0) {
            snprintf(wanted, sizeof wanted, "line %09llu", (unsigned long long)count);
            assert_memory_equal(text, wanted, strlen(wanted));
            assert_int_equal(text_len, 28);
            assert_memory_equal(text + 14, "\\x00", 4); /* the NUL, as text */
        } else if (strcmp(kind, "empty") == 0) {
            assert_int_equal(text_len, 0);
        }
        count++;
        bytes += text_len;
    }
    free(line);
    return strcmp(kind, "long") == 0 ? bytes : count;
}

static long run_headless(struct world *world, const char *form, const char *kind, uint64_t count)
{
    struct headless run;
    set_flood(world, form, kind, count, NULL);
    headless_start(&run, world);
    assert_int_equal(count_lines(&run, kind), count);
    headless_end(&run);
    assert_int_equal(run.status, 0);
    return run.peak_bytes;
}

static void test_headless(void **state)
{
    static const struct {
        const char *kind;
        unsigned times; /* the usual count */
    } cases[] = {{"numbered", 1}, {"empty", 5}, {"nul", 1}, {"long", 50}};
    static const char *const forms[] = {"plain", "rawjson"};
    struct stage *stage = *state;
    set_bound(stage->world);
    long before = run_headless(stage->world, "rawjson", "numbered", 10);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t k = 0; k < 2; k++) {
            uint64_t count = lines_wanted() * cases[i].times;
            long peak = run_headless(stage->world, forms[k], cases[i].kind, count);
            print_message("# %s %s %llu: %ld KiB more\n", forms[k], cases[i].kind,
                          (unsigned long long)count, (peak - before) / 1024);
            if (peak_tells() && peak - before > bound_bytes() + BESIDE_BYTES)
                fail_msg("%s %s: %ld KiB more than a short build", forms[k], cases[i].kind,
                         (peak - before) / 1024);
        }
}

/* ---------------------------------------------------------------- the screen */

static uint64_t count_saved(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[256], wanted[64];
    uint64_t count = 0;
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        const char *text = strstr(line, " line ");
        if (text == NULL)
            continue;
        snprintf(wanted, sizeof wanted, " line %09llu ", (unsigned long long)count++);
        assert_memory_equal(text, wanted, strlen(wanted));
    }
    fclose(file);
    return count;
}

static uint64_t number_in(const char *path)
{
    char line[32] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    return strtoull(line, NULL, 10);
}

static bool is_there(struct terminal *terminal, const void *path)
{
    (void)terminal;
    return access(path, F_OK) == 0;
}

/* All of this is answered before the flood is over: that ends when it is told to. */
static void press_in_mid_flood(struct stage *stage, const char *mark)
{
    char *walks = mem_printf("%s.walks", mark), text[64];
    unsigned long long far = lines_wanted() * 3 / 4;
    stage_press(stage, "?", "Main screen");
    terminal_press(stage->terminal, "q");
    stage_press(stage, "l", "following");
    stage_press(stage, "g", "line 000000003"); /* the oldest: from the file by now */
    terminal_wait(stage->terminal, is_there, walks, "the whole flood");
    stage_press(stage, "/", "/");
    snprintf(text, sizeof text, "line %09llu" KEY_ENTER_SENT, far);
    terminal_press(stage->terminal, text);
    snprintf(text, sizeof text, "line %09llu", far + 3);
    stage_see(stage, text);
    stage_press(stage, "G", "following");
    free(walks);
}

static void run_screen(struct stage *stage, const char *form)
{
    char *mark = path_join(stage->world->path, "enough"), *saved, *counted, *settings;
    set_bound(stage->world);
    set_flood(stage->world, form, "numbered", lines_wanted(), mark);
    settings = settings_path(stage->world);
    const char *const options[] = {"--config", settings, NULL};
    stage_start_full(stage, 120, 40, options);
    terminal_set_patience(stage->terminal, 60000);
    stage_press(stage, "/", "/");
    terminal_press(stage->terminal, "orch");
    stage_see_gone(stage, "old-branch");
    terminal_press(stage->terminal, KEY_ENTER_SENT);
    terminal_press(stage->terminal, "1");
    long before = peak_of(terminal_pid(stage->terminal));
    stage_press(stage, "b", "of the flood");
    press_in_mid_flood(stage, mark);
    file_write_text(stage->world->path, "enough", "");
    stage_see(stage, "done");
    saved = path_join(stage->world->path, "saved.log");
    stage_press(stage, "o", "Save the log to");
    terminal_press(stage->terminal, "\x15"); /* what stands there goes */
    terminal_press(stage->terminal, saved);
    terminal_press(stage->terminal, KEY_ENTER_SENT);
    stage_see(stage, "Saved");
    long after = peak_of(terminal_pid(stage->terminal));
    counted = path_join(stage->world->path, "enough.count");
    assert_int_equal(count_saved(saved), number_in(counted));
    print_message("# %s: %llu lines, %ld KiB more\n", form, (unsigned long long)number_in(counted),
                  (after - before) / 1024);
    if (peak_tells() && before > 0 && after - before > bound_bytes() + BESIDE_BYTES)
        fail_msg("%s: %ld KiB more than before", form, (after - before) / 1024);
    terminal_press(stage->terminal, "q");
    stage_quit(stage, "q");
    free(mark);
    free(saved);
    free(counted);
    free(settings);
}

static void test_screen_plain(void **state)
{
    run_screen(*state, "plain");
}

static void test_screen_rawjson(void **state)
{
    run_screen(*state, "rawjson");
}

/* ----------------------------------------------------------- who holds the pipe */

/* A child of the tool writes after the tool has ended: it is read to its end. */
static void test_a_grandchild_writes_on(void **state)
{
    struct stage *stage = *state;
    struct headless run;
    char *line = NULL, *last = NULL, *gate = path_join(stage->world->docker, "gate.1");
    size_t cap = 0;
    char script[512];
    set_bound(stage->world);
    snprintf(script, sizeof script,
             "echo '#1 [orchestration 1/1] RUN x'\n"
             "(read -r _ <'%s'; echo '#1 0.5 written by who was left') &\nexit 0\n",
             gate);
    set_script(stage->world, script);
    headless_start(&run, stage->world);
    while (getline(&line, &cap, run.out) > 0 && strstr(line, "RUN x") == NULL)
        continue;
    world_open_gate(stage->world);
    while (getline(&line, &cap, run.out) > 0) {
        free(last);
        last = strdup(line);
    }
    headless_end(&run);
    assert_int_equal(run.status, 0);
    assert_non_null(last);
    assert_string_equal(last, "#1 0.5 written by who was left\n");
    free(last);
    free(line);
    free(gate);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_headless),
        CASE(test_screen_plain),
        CASE(test_screen_rawjson),
        CASE(test_a_grandchild_writes_on),
    };
    limit_program(1200);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
