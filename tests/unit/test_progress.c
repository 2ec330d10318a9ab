/* Recorded output of real tools against what a build must look like after it:
 * tests/data/build/NAME.stdout.txt and .stderr.txt against NAME.expected, for
 * several sizes of chunks. BILGE_TEST_REWRITE=1 writes the expected files. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/builds/progress/progress.h"
#include "tests/support/limit.h"

#define LOG_BYTES (1024 * 1024)

static const struct {
    const char *name;
    const struct progress_ops *ops;
    const char *services[3]; /* asked for */
} recorded[] = {
    {"compose-2.26-plain-success-first-build", &progress_plain, {"orchestration"}},
    {"compose-2.26-plain-all-cached", &progress_plain, {"orchestration"}},
    {"compose-2.26-plain-all-cached-imported-from-local-cache", &progress_plain, {0}},
    {"compose-2.26-plain-two-services-one-fails", &progress_plain, {"good", "bad"}},
    {"compose-2.26-plain-two-services-parallel", &progress_plain, {0}},
    {"compose-2.26-plain-interrupted-SIGINT", &progress_plain, {"slow"}},
    {"compose-2.26-plain-killed-group", &progress_plain, {"slow"}},
    {"compose-2.26-plain-failrun", &progress_plain, {"api"}},
    {"compose-2.26-plain-binary-in-cache-mount", &progress_plain, {"api"}},
    {"compose-2.26-plain-cache-disk-full", &progress_plain, {"api"}},
    {"compose-2.26-plain-engine-disk-full", &progress_plain, {"api"}},
    {"compose-2.26-plain-engine-disk-full-step", &progress_plain, {"api"}},
    {"compose-2.26-plain-registry-broken", &progress_plain, {"api"}},
    {"compose-2.26-plain-registry-denied", &progress_plain, {"api"}},
    {"compose-2.26-plain-registry-limited", &progress_plain, {"api"}},
    {"compose-2.26-plain-registry-missing", &progress_plain, {"api"}},
    {"compose-2.26-plain-registry-refused", &progress_plain, {"api"}},
    {"compose-2.40-bake-plain-binary-in-cache-mount", &progress_plain, {"api"}},
    {"compose-1.29-buildkit1-binary-in-cache-mount", &progress_plain, {0}},
    {"compose-1.29-buildkit0-legmount", &progress_legacy, {0}},
    {"compose-2.26-plain-failcopy", &progress_plain, {"api"}},
    {"compose-2.26-plain-failfrom", &progress_plain, {"api"}},
    {"compose-2.26-plain-failarg", &progress_plain, {"api"}},
    {"compose-2.26-plain-failsyntax", &progress_plain, {"api"}},
    {"compose-2.26-plain-failpull", &progress_plain, {"api"}},
    {"compose-2.26-plain-success-graphdriver-no-cache-to", &progress_plain, {0}},
    {"compose-2.26-plain-warn", &progress_plain, {"api"}},
    {"compose-2.26-cache-dir-permission-denied", &progress_plain, {0}},
    {"compose-2.26-plain-fail-cache-blob-missing", &progress_plain, {0}},
    {"compose-2.40-bake-plain-failcopy", &progress_plain, {"api"}},
    {"compose-2.40-bake-plain-failrun", &progress_plain, {"api"}},
    {"compose-2.40-bake-plain-failsyntax", &progress_plain, {"api"}},
    {"compose-2.40-bake-plain-legmount", &progress_plain, {"legmount"}},
    {"compose-2.40-bake-plain-one-service", &progress_plain, {"orchestration"}},
    {"compose-2.40-bake-plain-two-services", &progress_plain, {0}},
    {"compose-2.40-bake-plain-warn", &progress_plain, {"warn"}},
    {"buildx-0.13-plain-failrun", &progress_plain, {0}},
    {"buildx-0.13-plain-failcopy", &progress_plain, {0}},
    {"buildx-0.13-plain-failsyntax", &progress_plain, {0}},
    {"buildx-0.13-plain-failfrom", &progress_plain, {0}},
    {"buildx-0.13-plain-warn", &progress_plain, {0}},
    {"buildx-0.29-plain-warn", &progress_plain, {0}},
    {"docker-20.10-buildkit-plain-COPY-not-found", &progress_plain, {0}},
    {"docker-20.10-buildkit-plain-failing-RUN", &progress_plain, {0}},
    {"docker-20.10-buildkit-plain-success", &progress_plain, {0}},
    {"compose-1.29-buildkit-success", &progress_plain, {0}},
    {"compose-1.29-buildkit1-failrun", &progress_plain, {0}},
    {"compose-1.29-buildkit1-legacy", &progress_plain, {0}},
    {"docker-20.10-legacy-failing-RUN", &progress_legacy, {0}},
    {"compose-1.29-buildkit0-failrun", &progress_legacy, {0}},
    {"compose-1.29-buildkit0-legacy", &progress_legacy, {0}},
    {"compose-1.29-buildkit0-twofail", &progress_legacy, {0}},
    {"compose-2.26-legacy-builder-cached", &progress_legacy, {"api"}},
    {"compose-2.26-legacy-builder-failing-RUN", &progress_legacy, {"api"}},
    {"compose-2.26-legacy-builder-legacy", &progress_legacy, {"api"}},
    {"compose-2.26-legacy-builder-legmount", &progress_legacy, {"api"}},
    {"compose-2.26-rawjson-failing-RUN", &progress_rawjson, {"api"}},
    {"compose-2.26-rawjson-all-cached", &progress_rawjson, {0}},
    {"compose-2.26-rawjson-two-services", &progress_rawjson, {0}},
    {"compose-2.26-rawjson-two-services-oneperline", &progress_rawjson, {0}},
    {"compose-2.40-progress-json", &progress_rawjson, {0}},
    {"buildx-0.13-rawjson-failrun", &progress_rawjson, {0}},
    {"buildx-0.29-rawjson-failrun", &progress_rawjson, {0}},
    {"buildx-0.36-build-plain-failing-copy", &progress_plain, {0}},
    {"buildx-0.36-build-plain-failing-run", &progress_plain, {0}},
    {"buildx-0.36-build-plain-interrupted", &progress_plain, {0}},
    {"buildx-0.36-build-plain-syntax", &progress_plain, {0}},
    {"buildx-0.36-build-rawjson-failing-run", &progress_rawjson, {0}},
    {"buildx-0.36-build-rawjson-warnings", &progress_rawjson, {0}},
    {"compose-5.5-no-builder", &progress_plain, {0}},
    {"compose-5.5-no-buildx", &progress_legacy, {0}},
    {"compose-5.5-no-engine", &progress_plain, {0}},
    {"compose-5.5-no-file", &progress_plain, {0}},
    {"compose-5.5-no-service", &progress_plain, {0}},
    {"compose-5.5-plain-all-cached", &progress_plain, {0}},
    {"compose-5.5-plain-fail", &progress_plain, {0}},
    {"compose-5.5-plain-interrupted", &progress_plain, {0}},
    {"compose-5.5-plain-missing-live-blob-container-driver", &progress_plain, {0}},
    {"compose-5.5-plain-syntax", &progress_plain, {0}},
    {"compose-5.5-progress-json", &progress_rawjson, {0}},
    {"compose-5.5-rawjson-code-changed", &progress_rawjson, {0}},
    {"compose-5.5-rawjson-copy", &progress_rawjson, {0}},
    {"compose-5.5-rawjson-fail", &progress_rawjson, {0}},
    {"compose-5.5-rawjson-syntax", &progress_rawjson, {0}},
};
#define RECORDED_LEN (sizeof recorded / sizeof recorded[0])

/* --------------------------------------------------------------- describing */

static const char *or_dash(const char *text)
{
    return text != NULL ? text : "-";
}

static size_t lines_of(const struct build *build, const struct step *step)
{
    struct buildlog_line line;
    size_t count = 0;
    for (uint64_t i = buildlog_first(build->log); buildlog_get(build->log, i, &line) == 0; i++)
        count += line.step == (step != NULL ? step->number : 0);
    return count;
}

static void describe_step(const struct build *build, const struct step *step, struct buf *out)
{
    struct buildlog_line last;
    buf_printf(out, "#%d %s %dms service=%s stage=%s %d/%d%s lines=%zu: %.60s\n", step->number,
               step_state_name(step->state), (int)step->duration_ms, or_dash(step->service),
               or_dash(step->stage), step->index, step->total, step->internal ? " internal" : "",
               lines_of(build, step), step->instruction);
    if (step->warnings > 0)
        buf_printf(out, "    warnings: %zu\n", step->warnings);
    if (step->transfer != NULL)
        buf_printf(out, "    transfer: %s %lld/%lld\n", step->transfer, (long long)step->current,
                   (long long)step->goal);
    if (step_last_line(build, step, &last))
        buf_printf(out, "    last: %.*s\n", (int)last.len, last.text);
    if (step->error != NULL)
        buf_printf(out, "    error: %s\n", step->error);
}

static void describe(const struct build *build, struct buf *out)
{
    struct build_counts counts = build_count(build);
    for (size_t i = 0; i < build->steps_len; i++)
        describe_step(build, &build->steps[i], out);
    for (size_t i = 0; i < build->warnings_len; i++)
        buf_printf(out, "warning #%d %s:%d %s\n", build->warnings[i].step,
                   or_dash(build->warnings[i].file), build->warnings[i].line,
                   build->warnings[i].text);
    if (build->excerpt.text != NULL)
        buf_printf(out, "excerpt #%d %s:%d\n%s\n", build->excerpt.step, build->excerpt.file,
                   build->excerpt.line, build->excerpt.text);
    buf_printf(out, "%zu/%zu over, %zu running, %zu failed; %zu cached, %zu not\n", counts.over,
               counts.total, counts.running, counts.failed, counts.cached, counts.uncached);
    buf_printf(out, "%d log lines, %zu of no step\n", (int)buildlog_end(build->log),
               lines_of(build, NULL));
    buf_printf(out, "error: %s\n", or_dash(build->error));
}

/* ------------------------------------------------------------------ feeding */

static char *data_path(const char *name, const char *suffix)
{
    return mem_printf("%s/build/%s%s", getenv("BILGE_TEST_DATA"), name, suffix);
}

static struct buf read_all(const char *path)
{
    struct buf text = {0};
    char chunk[4096];
    size_t got;
    buf_append(&text, "", 0);
    FILE *file = fopen(path, "r");
    while (file != NULL && (got = fread(chunk, 1, sizeof chunk, file)) > 0)
        buf_append(&text, chunk, got);
    if (file != NULL)
        fclose(file);
    return text;
}

static void feed_stream(const struct progress_ops *ops, void *progress, int stream,
                        const char *name, size_t chunk)
{
    char *path = data_path(name, stream == 1 ? ".stdout.txt" : ".stderr.txt");
    struct buf text = read_all(path);
    for (size_t i = 0; i < text.len; i += chunk)
        ops->feed(progress, stream, text.data + i, text.len - i < chunk ? text.len - i : chunk,
                  1000);
    buf_done(&text);
    free(path);
}

static struct buf run(size_t which, size_t chunk)
{
    size_t services_len = 0;
    struct buf text = {0};
    while (recorded[which].services[services_len] != NULL)
        services_len++;
    struct build *build =
        build_new(1, recorded[which].services, services_len, "docker compose build", LOG_BYTES);
    const struct progress_ops *ops = recorded[which].ops;
    void *progress = ops->open(build);
    feed_stream(ops, progress, 1, recorded[which].name, chunk);
    feed_stream(ops, progress, 2, recorded[which].name, chunk);
    ops->end(progress, 1000);
    assert_true(buildlog_end(build->log) > 0); /* the recording was found */
    describe(build, &text);
    ops->close(progress);
    build_free(build);
    return text;
}

static void rewrite(const char *path, const struct buf *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fwrite(text->data, 1, text->len, file);
    assert_int_equal(fclose(file), 0);
}

static void test_recorded(void **state)
{
    size_t which = (size_t)(uintptr_t)*state;
    static const size_t chunks[] = {1, 7, 64, 4096, SIZE_MAX / 2};
    char *path = data_path(recorded[which].name, ".expected");
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        struct buf got = run(which, chunks[i]);
        if (getenv("BILGE_TEST_REWRITE") != NULL)
            rewrite(path, &got);
        struct buf expected = read_all(path);
        assert_string_equal(got.data, expected.data);
        buf_done(&expected);
        buf_done(&got);
    }
    free(path);
}

/* Every recording of a build stands in the table, and has its expected file. */
static void test_all_recorded(void **state)
{
    (void)state;
    char *path = data_path("", "");
    DIR *directory = opendir(path);
    const struct dirent *entry;
    size_t seen = 0;
    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL) {
        const char *end = strstr(entry->d_name, ".std");
        if (end == NULL)
            continue;
        size_t len = (size_t)(end - entry->d_name), i = 0;
        while (i < RECORDED_LEN && (strlen(recorded[i].name) != len ||
                                    memcmp(recorded[i].name, entry->d_name, len) != 0))
            i++;
        if (i == RECORDED_LEN)
            fail_msg("%s is not tested", entry->d_name);
        seen++;
    }
    assert_true(seen >= RECORDED_LEN);
    closedir(directory);
    free(path);
}

/* ----------------------------------------------------- lines not in the data */

static struct build *build_of(const struct progress_ops *ops, const char *text)
{
    struct build *build = build_new(1, NULL, 0, "x", LOG_BYTES);
    void *progress = ops->open(build);
    ops->feed(progress, 1, text, strlen(text), 5000);
    ops->end(progress, 6000);
    ops->close(progress);
    return build;
}

static void test_plain_transfer(void **state)
{
    (void)state;
    static const struct {
        const char *line, *transfer;
        int64_t current, goal;
    } cases[] = {
        {"sha256:ab 1.05MB / 30.00MB 1.2s", "sha256:ab", 1050000, 30000000},
        {"sha256:ab 0B / 30.00MB", "sha256:ab", 0, 30000000},
        {"transferring context: 118B", "transferring context:", 118, 0},
        {"transferring context: 3.5kB 10.2s", "transferring context:", 3500, 0},
        {"extracting sha256:ab 0.4s", "extracting sha256:ab", 0, 0},
        {"writing layer sha256:ab", "writing layer sha256:ab", 0, 0},
        {"sha256:ab 30.00MB / 30.00MB 1.2s done", NULL, 0, 0},
        {"WARN: x: y (line 1)", NULL, 0, 0},
        {"...", NULL, 0, 0},
        {"", NULL, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = mem_printf("#3 [internal] load\n#3 %s\n", cases[i].line);
        struct build *build = build_of(&progress_plain, text);
        assert_int_equal(build->steps_len, 1);
        assert_int_equal(build->steps[0].current, cases[i].current);
        assert_int_equal(build->steps[0].goal, cases[i].goal);
        if (cases[i].transfer != NULL)
            assert_string_equal(build->steps[0].transfer, cases[i].transfer);
        else
            assert_null(build->steps[0].transfer);
        build_free(build);
        free(text);
    }
}

static void test_plain_states(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum step_state state;
        int duration_ms;
    } cases[] = {
        {"DONE 1.25s", STEP_DONE, 1250},
        {"DONE", STEP_DONE, 0},
        {"DONE 101.5s", STEP_DONE, 101500},
        {"CACHED", STEP_CACHED, 0},
        {"CANCELED", STEP_CANCELLED, 0},
        {"ERROR: no", STEP_FAILED, 0},
        {"ERROR", STEP_FAILED, 0},
        {"DONEs", STEP_RUNNING, 0},
        {"DONE now", STEP_RUNNING, 0},
        {"0.1 DONE 1.2s", STEP_RUNNING, 0}, /* output that looks like an end */
        {"0.1", STEP_RUNNING, 0},
        {"...", STEP_RUNNING, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = mem_printf("#3 [b 1/2] RUN x\n#3 %s\n", cases[i].line);
        struct build *build = build_of(&progress_plain, text);
        assert_int_equal(build->steps[0].state, cases[i].state);
        assert_int_equal(build->steps[0].duration_ms, cases[i].duration_ms);
        build_free(build);
        free(text);
    }
}

/* A base image that is fetched when it is needed: done, and then busy again. */
static void test_plain_step_again(void **state)
{
    (void)state;
    struct build *build = build_of(&progress_plain, "#4 [b 1/2] FROM x\n#4 DONE 0.0s\n\n"
                                                    "#5 [internal] load\n#5 ...\n\n"
                                                    "#4 [b 1/2] FROM x\n#4 sha256:a 1MB / 2MB\n");
    assert_int_equal(build->steps_len, 2);
    assert_int_equal(build->steps[0].state, STEP_RUNNING);
    assert_string_equal(build->steps[0].transfer, "sha256:a");
    build_free(build);
}

static void test_plain_clipped(void **state)
{
    (void)state;
    struct build *build =
        build_of(&progress_plain, "#4 [b 1/2] RUN x\n#4 0.1 hi\n"
                                  "#4 0.9 [output clipped, log limit 200KiB/s reached]\n");
    assert_true(build->steps[0].clipped);
    build_free(build);
}

/* Several services one after the other: compose 1 counts from 1 each time. */
static void test_plain_headings(void **state)
{
    (void)state;
    struct build *build = build_of(&progress_plain, "Building api\n#1 [1/2] FROM x\n#1 DONE 0.1s\n"
                                                    "#2 [2/2] RUN y\n#2 DONE 0.2s\n"
                                                    "Building web\n#1 [1/2] FROM x\n#1 CACHED\n");
    assert_int_equal(build->steps_len, 3);
    assert_string_equal(build->steps[1].service, "api");
    assert_string_equal(build->steps[2].service, "web");
    assert_int_equal(build->steps[2].state, STEP_CACHED);
    build_free(build);
}

/* A flood goes another way through the parser than single lines; it must come
 * out the same, with other lines in between. */
static void test_plain_flood(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_str(&text, "#4 [b 1/2] RUN x\n#5 [b 2/2] RUN y\n");
    for (int i = 0; i < 3000; i++) {
        buf_printf(&text, "#4 %d.1 line %d\n", i, i);
        if (i % 700 == 699)
            buf_append_str(&text, "stray\n#00000000000000000005 0.1 zeros\n#5 0.2 other\n\n");
        if (i % 1000 == 999)
            buf_append_str(&text, "#4 0.3\n#4 1 no decimals\n#4 0.1 x]\n");
    }
    struct build *whole = build_of(&progress_plain, text.data);
    struct build *single = build_new(1, NULL, 0, "x", LOG_BYTES);
    void *progress = progress_plain.open(single);
    for (size_t i = 0; i < text.len; i++)
        progress_plain.feed(progress, 1, text.data + i, 1, 5000);
    progress_plain.end(progress, 6000);
    progress_plain.close(progress);
    struct buildlog_line a, b;
    assert_int_equal(buildlog_end(whole->log), buildlog_end(single->log));
    for (uint64_t i = 0; i < buildlog_end(whole->log); i++) {
        assert_int_equal(buildlog_get(whole->log, i, &a), 0);
        assert_int_equal(buildlog_get(single->log, i, &b), 0);
        assert_int_equal(a.step, b.step);
        assert_int_equal(a.number, b.number);
        assert_int_equal(a.time, b.time);
        assert_int_equal(a.decimals, b.decimals);
        assert_int_equal(a.kind, b.kind);
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.text, b.text, a.len);
    }
    assert_int_equal(whole->steps[0].last_line, single->steps[0].last_line);
    assert_int_equal(whole->steps[1].last_line, single->steps[1].last_line);
    build_free(whole);
    build_free(single);
    buf_done(&text);
}

static void assert_shown(const struct buildlog_line *line, const char *expected)
{
    struct buf shown = {0};
    logline_append(&shown, line);
    assert_string_equal(shown.data, expected);
    buf_done(&shown);
}

/* What is no progress stays in the log as it was. */
static void test_plain_strange_lines(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "hello",
        "#",
        "# 1",
        "#x y",
        "#1",
        "#-1 x",
        "#99999999999999999999 x",
        "#10001 x",
        "\x1b[31mred",
        "------",
        " > nobody:",
        "Building a b",
        "#0 building with \"x\"",
        "Dockerfile:2",
        "--------------------",
        "   1 | FROM x",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct build *build = build_of(&progress_plain, lines[i]);
        struct buildlog_line line;
        assert_int_equal(buildlog_get(build->log, 0, &line), 0);
        assert_shown(&line, lines[i]);
        assert_int_equal(build->steps_len, 0);
        build_free(build);
    }
}

/* ---- from the pipe to the fields */

struct wanted {
    int step, number;
    enum log_kind kind;
    uint32_t time;
    int decimals;
    const char *text;
};

static void assert_fields(const struct build *build, const struct wanted *wanted, size_t len)
{
    struct buildlog_line line;
    assert_int_equal(buildlog_end(build->log), len);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(buildlog_get(build->log, i, &line), 0);
        if (line.step != wanted[i].step || line.number != wanted[i].number ||
            line.kind != wanted[i].kind || line.time != wanted[i].time ||
            line.decimals != wanted[i].decimals || line.len != strlen(wanted[i].text) ||
            memcmp(line.text, wanted[i].text, line.len) != 0)
            fail_msg("line %zu: step %d, number %d, kind %d, time %u/%d: %.*s", i, line.step,
                     line.number, (int)line.kind, (unsigned)line.time, line.decimals, (int)line.len,
                     line.text);
    }
}
#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Output that looks like another step's, or like the tool's own words. */
static void test_plain_fields(void **state)
{
    (void)state;
    static const struct wanted wanted[] = {
        {0, 0, LOG_OTHER, 0, 0, "Building api"},
        {1, 1, LOG_NAME, 0, 0, "[1/1] RUN x"},
        {1, 1, LOG_OUTPUT, 42, 2, "hello"},
        {1, 1, LOG_OUTPUT, 1234, 3, "#7 1.23 text"},
        {1, 1, LOG_OUTPUT, 1235, 3, "#7 DONE 1.0s"},
        {1, 1, LOG_OUTPUT, 1236, 3, "Step 3/5 : RUN y"},
        {1, 1, LOG_OUTPUT, 1015, 1, "ERROR: failed to solve: no"},
        {1, 0, LOG_OUTPUT, 0, 0, "#1 00.1 not as BuildKit writes it"},
        {1, 1, LOG_STATE, 0, 0, "DONE 1.0s"},
        {0, 0, LOG_OTHER, 0, 0, "Building web"},
        {2, 1, LOG_NAME, 0, 0, "[1/1] RUN x"},
        {2, 1, LOG_OUTPUT, 5, 1, "web's"},
    };
    static const char text[] = "Building api\n#1 [1/1] RUN x\n#1 0.42 hello\n"
                               "#1 1.234 #7 1.23 text\n#1 1.235 #7 DONE 1.0s\n"
                               "#1 1.236 Step 3/5 : RUN y\n"
                               "#1 101.5 ERROR: failed to solve: no\n"
                               "#1 00.1 not as BuildKit writes it\n#1 DONE 1.0s\n"
                               "Building web\n#1 [1/1] RUN x\n#1 0.5 web's\n";
    struct build *build = build_of(&progress_plain, text);
    assert_fields(build, wanted, LEN(wanted));
    assert_int_equal(build->steps_len, 2);
    assert_null(build->error);
    struct buf shown = {0};
    struct buildlog_line line;
    for (uint64_t i = 0; buildlog_get(build->log, i, &line) == 0; i++) {
        logline_append(&shown, &line);
        buf_append_str(&shown, "\n");
    }
    assert_string_equal(shown.data, text);
    buf_done(&shown);
    build_free(build);
}

/* Where a very long line is cut its rest may look like a line of its own. */
static void test_long_lines(void **state)
{
    (void)state;
    static const struct {
        const struct progress_ops *ops;
        const char *start, *rest;
    } cases[] = {
        {&progress_plain, "#1 [1/1] RUN x\n#1 0.1 ", "#7 DONE 1.0s"},
        {&progress_plain, "#1 [1/1] RUN x\n#1 0.1 ", "#1 ERROR: no"},
        {&progress_plain, "#1 [1/1] RUN x\n#1 0.1 ", "failed to solve: no"},
        {&progress_legacy, "Step 1/2 : RUN x\n", "Step 2/2 : RUN y"},
    };
    for (size_t i = 0; i < LEN(cases); i++)
        for (size_t round = 0; round < 2; round++) {
            struct build *build = build_new(1, NULL, 0, "x", LOG_BYTES);
            void *progress = cases[i].ops->open(build);
            struct buf text = {0};
            buf_append_str(&text, cases[i].start);
            size_t newline = (size_t)(strchr(text.data, '\n') - text.data);
            size_t most = 64 * 1024 + newline + 1;
            while (text.len < most)
                buf_append_str(&text, "x");
            if (round == 1) { /* the cut falls between two reads */
                cases[i].ops->feed(progress, 1, text.data, text.len, 1);
                buf_clear(&text);
            }
            buf_printf(&text, "%s\n", cases[i].rest);
            cases[i].ops->feed(progress, 1, text.data, text.len, 1);
            cases[i].ops->end(progress, 2);
            assert_int_equal(build->steps_len, 1);
            assert_int_equal(build->steps[0].state, STEP_RUNNING);
            assert_null(build->error);
            struct buildlog_line line;
            assert_int_equal(buildlog_get(build->log, buildlog_end(build->log) - 1, &line), 0);
            assert_int_equal(line.step, 1);
            assert_shown(&line, cases[i].rest);
            cases[i].ops->close(progress);
            build_free(build);
            buf_done(&text);
        }
}

#define ID "0123456789ab"

/* While a command runs, nothing that it prints is the builder's word. */
static void test_legacy_imitated(void **state)
{
    (void)state;
    static const char *const printed[] = {
        "Successfully built PyYAML",
        "Successfully built 0123456789ab",
        "Step 3/5 : RUN y",
        "Step 1/5 : FROM x",
        " ---> Using cache",
        " ---> 0123456789ac",
        " ---> Running in 0123456789ac",
        "Removing intermediate container 0123456789ac",
        "Removing intermediate container",
        "Sending build context to Docker daemon  2kB",
        "Building api",
        "[Warning] x",
        "ERROR: no",
        "failed to solve: no",
        "#7 1.23 text",
        "#7 DONE 1.0s",
    };
    for (size_t i = 0; i < LEN(printed); i++) {
        char *text = mem_printf("Step 1/2 : RUN x\n ---> Running in " ID "\n%s\n", printed[i]);
        struct build *build = build_of(&progress_legacy, text);
        const struct wanted wanted[] = {
            {1, 0, LOG_NAME, 0, 0, "Step 1/2 : RUN x"},
            {1, 0, LOG_OTHER, 0, 0, " ---> Running in " ID},
            {1, 0, LOG_OUTPUT, 0, 0, printed[i]},
        };
        struct buildlog_line line;
        assert_fields(build, wanted, LEN(wanted));
        assert_int_equal(build->steps_len, 1);
        assert_int_equal(build->steps[0].state, STEP_RUNNING);
        assert_int_equal(build->warnings_len, 0);
        assert_null(build->steps[0].service);
        assert_null(build->error);
        assert_true(step_last_line(build, &build->steps[0], &line));
        assert_shown(&line, printed[i]);
        build_free(build);
        free(text);
    }
}

/* `RUN echo "Successfully built PyYAML"; exit 3` */
static void test_legacy_imitated_success(void **state)
{
    (void)state;
    static const char out[] = "Step 1/2 : FROM x\n ---> " ID "\nStep 2/2 : RUN x\n"
                              " ---> Running in " ID "\nSuccessfully built PyYAML\n";
    static const char err[] = "The command 'x' returned a non-zero code: 3\n";
    struct build *build = build_new(1, NULL, 0, "x", LOG_BYTES);
    void *progress = progress_legacy.open(build);
    progress_legacy.feed(progress, 1, out, strlen(out), 1);
    progress_legacy.feed(progress, 2, err, strlen(err), 1);
    progress_legacy.end(progress, 2);
    assert_int_equal(build->steps[1].state, STEP_FAILED);
    assert_string_equal(build->steps[1].error, "The command 'x' returned a non-zero code: 3");
    progress_legacy.close(progress);
    build_free(build);
}

/* Output without a newline, or colours, stand before the builder's word. */
static void test_legacy_command_ends(void **state)
{
    (void)state;
    static const char *const ends[] = {
        "Removing intermediate container " ID,       " ---> Removed intermediate container " ID,
        "100%Removing intermediate container " ID,   "\033[0mRemoving intermediate container " ID,
        "x ---> Removed intermediate container " ID,
    };
    for (size_t i = 0; i < LEN(ends); i++) {
        char *text = mem_printf("Step 1/2 : RUN x\n ---> Running in " ID "\n%s\n ---> " ID
                                "\nStep 2/2 : RUN y\n",
                                ends[i]);
        struct build *build = build_of(&progress_legacy, text);
        assert_int_equal(build->steps_len, 2);
        assert_int_equal(build->steps[0].state, STEP_DONE);
        build_free(build);
        free(text);
    }
}

#define VERTEX(digest, name, rest)                                                                 \
    "{\"vertexes\":[{\"digest\":\"" digest "\",\"name\":\"" name "\"" rest "}]}\n"
#define AT(second) "\"2026-11-22T08:00:" second "Z\""
#define STARTED(second) ",\"started\":" AT(second)
#define COMPLETED(second) ",\"completed\":" AT(second)
#define OUTPUT(digest, second, data)                                                               \
    "{\"logs\":[{\"vertex\":\"" digest "\",\"stream\":1,\"data\":\"" data                          \
    "\",\"timestamp\":" AT(second) "}]}\n"

static void assert_log(const struct build *build, const char *expected)
{
    struct buf text = {0};
    struct buildlog_line line;
    buf_append_str(&text, "");
    for (uint64_t i = 0; buildlog_get(build->log, i, &line) == 0; i++) {
        logline_append(&text, &line);
        buf_append_str(&text, "|");
    }
    assert_string_equal(text.data, expected);
    buf_done(&text);
}

/* What the engine says in events, and the lines that people get of it. */
static void test_rawjson_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text, *log;
        enum step_state step;
        int duration_ms;
    } cases[] = {
        {VERTEX("d", "[b 1/2] RUN x", STARTED("01")), "#1 [b 1/2] RUN x|", STEP_RUNNING, 0},
        {VERTEX("d", "[b 1/2] RUN x", STARTED("01") COMPLETED("03.5")),
         "#1 [b 1/2] RUN x|#1 DONE 2.5s|", STEP_DONE, 2500},
        {VERTEX("d", "n", STARTED("01") COMPLETED("03") ",\"cached\":true"), "#1 n|#1 CACHED|",
         STEP_CACHED, 0},
        {VERTEX("d", "n", STARTED("01") COMPLETED("03") ",\"error\":\"no\\nway\""),
         "#1 n|#1 ERROR: no way|", STEP_FAILED, 2000},
        {VERTEX("d", "n", STARTED("01") COMPLETED("03") ",\"error\":\"x: context canceled\""),
         "#1 n|#1 CANCELED|", STEP_CANCELLED, 2000},
        {VERTEX("d", "n", STARTED("01")) VERTEX("d", "n", STARTED("01")), "#1 n|", STEP_RUNNING, 0},
        /* the same end twice, and late news of a start */
        {VERTEX("d", "n", STARTED("01") COMPLETED("03"))
             VERTEX("d", "n", STARTED("01") COMPLETED("03")) VERTEX("d", "n", STARTED("01")),
         "#1 n|#1 DONE 2.0s|", STEP_DONE, 2000},
        /* two runs after one another, and two that overlap */
        {VERTEX("d", "n", STARTED("01") COMPLETED("02"))
             VERTEX("d", "n", STARTED("05") COMPLETED("07")),
         "#1 n|#1 DONE 1.0s|#1 DONE 3.0s|", STEP_DONE, 3000},
        {VERTEX("d", "n", STARTED("01")) VERTEX("d", "n", STARTED("02"))
             VERTEX("d", "n", STARTED("01") COMPLETED("04"))
                 VERTEX("d", "n", STARTED("02") COMPLETED("05")),
         "#1 n|#1 DONE 4.0s|", STEP_DONE, 4000},
        /* output comes in pieces: "one", "\ntwo", and an end without a newline */
        {VERTEX("d", "n", STARTED("01")) OUTPUT("d", "02", "b25l") OUTPUT("d", "13.5", "CnR3bw==")
             VERTEX("d", "n", STARTED("01") COMPLETED("14")),
         "#1 n|#1 12.50 one|#1 12.50 two|#1 DONE 13.0s|", STEP_DONE, 13000},
        /* lines that are no events stand where they came */
        {"hello\n" VERTEX("d", "n", STARTED("01")) "{\"id\":\"x\"}\n{}\n",
         "hello||#1 n|{\"id\":\"x\"}|", STEP_RUNNING, 0},
        /* before any event an empty object is a line as any other */
        {"{}\n" VERTEX("d", "n", STARTED("01")) "{}\n", "{}||#1 n|", STEP_RUNNING, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build *build = build_of(&progress_rawjson, cases[i].text);
        assert_log(build, cases[i].log);
        assert_int_equal(build->steps_len, 1);
        assert_int_equal(build->steps[0].state, cases[i].step);
        assert_int_equal(build->steps[0].duration_ms, cases[i].duration_ms);
        build_free(build);
    }
}

/* Announced, but never run: no step. Output of nobody: kept. */
/* Output that comes after the end of its step: of a full buffer the line that
 * was cut is joined again, of a small piece it was the last one. */
static void test_rawjson_output_after_the_end(void **state)
{
    static const struct {
        size_t threes;
        bool joined;
    } cases[] = {{1600, true}, {10, false}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct buf text = {0};
        struct buildlog_line line;
        size_t len = cases[i].threes * 3;
        buf_append_str(&text, VERTEX("a", "[api 1/1] RUN x", STARTED("00")));
        buf_append_str(&text, "{\"logs\":[{\"vertex\":\"a\",\"stream\":1,\"data\":\"");
        for (size_t n = 0; n < cases[i].threes; n++)
            buf_append_str(&text, "eHh4"); /* xxx */
        buf_append_str(&text, "\",\"timestamp\":" AT("01") "}]}\n");
        buf_append_str(&text, VERTEX("a", "[api 1/1] RUN x", STARTED("00") COMPLETED("01")));
        buf_append_str(&text, OUTPUT("a", "01", "eXl5Cg==")); /* yyy */
        struct build *build = build_of(&progress_rawjson, text.data);
        bool found = false;
        for (uint64_t n = 0; buildlog_get(build->log, n, &line) == 0; n++)
            found = found ||
                    (line.len == len + 3 && memcmp(line.text + line.len - 6, "xxxyyy", 6) == 0);
        assert_int_equal(found, cases[i].joined);
        assert_int_equal(build->steps[0].state, STEP_DONE);
        build_free(build);
        buf_done(&text);
    }
}

static void test_rawjson_without_step(void **state)
{
    (void)state;
    struct build *build =
        build_of(&progress_rawjson, VERTEX("d", "n", "") OUTPUT("d", "01", "b25l")
                                        OUTPUT("e", "01", "dHdv") OUTPUT("e", "01", "no base64"));
    assert_int_equal(build->steps_len, 0);
    assert_log(build, "one|two|");
    build_free(build);
    /* "#1 ERROR: no": not even of nobody is it more than output */
    build = build_of(&progress_rawjson,
                     VERTEX("d", "n", STARTED("01")) OUTPUT("e", "01", "IzEgRVJST1I6IG5v"));
    assert_log(build, "#1 n|#1 ERROR: no|");
    assert_int_equal(build->steps_len, 1);
    assert_int_equal(build->steps[0].state, STEP_RUNNING);
    build_free(build);
}

static void test_rawjson_fields(void **state)
{
    (void)state;
    static const struct wanted wanted[] = {
        {1, 1, LOG_NAME, 0, 0, "[b 1/2] RUN x"},
        {1, 1, LOG_OUTPUT, 1000, 3, "#7 1.23 text"},
        {1, 1, LOG_OUTPUT, 1250, 2, "Step 3/5 :"},
        {1, 1, LOG_STATE, 0, 0, "DONE 13.0s"},
        {0, 0, LOG_OTHER, 0, 0, ""},
        {2, 2, LOG_EVENT, 0, 0, "exporting to image"},
    };
    struct build *build = build_of(
        &progress_rawjson,
        VERTEX("d", "[b 1/2] RUN x", STARTED("01")) OUTPUT("d", "02", "IzcgMS4yMyB0ZXh0Cg==")
            OUTPUT("d", "13.5", "U3RlcCAzLzUgOgo=")
                VERTEX("d", "[b 1/2] RUN x", STARTED("01") COMPLETED("14"))
                    VERTEX("e", "exporting to image", STARTED("14")));
    assert_fields(build, wanted, LEN(wanted));
    build_free(build);
}

/* One digest under two services: both run, the output is there once. */
static void test_rawjson_shared(void **state)
{
    (void)state;
    struct build *build = build_of(
        &progress_rawjson,
        VERTEX("a", "[x internal] load", STARTED("01")) VERTEX("d", "[x 1/1] RUN", STARTED("01"))
            VERTEX("d", "[y 1/1] RUN", STARTED("01")) OUTPUT("d", "02", "b25lCg==")
                VERTEX("d", "[y 1/1] RUN", STARTED("01") COMPLETED("03")));
    struct buildlog_line line;
    assert_int_equal(build->steps_len, 3);
    assert_string_equal(build->steps[1].service, "x");
    assert_string_equal(build->steps[2].service, "y");
    assert_int_equal(build->steps[1].state, STEP_RUNNING);
    assert_int_equal(build->steps[2].state, STEP_DONE);
    assert_true(step_last_line(build, &build->steps[1], &line));
    assert_true(step_last_line(build, &build->steps[2], &line));
    assert_int_equal(line.len, 3);
    assert_memory_equal(line.text, "one", 3);
    build_free(build);
}

static void test_rawjson_transfer(void **state)
{
    (void)state;
#define STATUS(rest) "{\"statuses\":[{\"id\":\"sha256:a\",\"vertex\":\"d\"" rest "}]}\n"
    static const struct {
        const char *text, *transfer, *log;
        int64_t current, goal;
    } cases[] = {
        {STATUS(",\"current\":5,\"total\":10" STARTED("01")), "sha256:a", "#1 n|", 5, 10},
        {STATUS(",\"current\":5,\"total\":10" STARTED("01"))
             STATUS(",\"current\":10,\"total\":10" STARTED("01") COMPLETED("02.25")),
         NULL, "#1 n|#1 sha256:a 10B / 10B 1.2s done|", 0, 0},
        {STATUS(",\"current\":1050000" STARTED("01") COMPLETED("01"))
             STATUS(",\"current\":1050000" STARTED("01") COMPLETED("01")),
         NULL, "#1 n|#1 sha256:a 1.05MB done|", 0, 0},
        {STATUS(",\"current\":-5,\"total\":1e300"), "sha256:a", "#1 n|", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = mem_printf("%s%s", VERTEX("d", "n", STARTED("01")), cases[i].text);
        struct build *build = build_of(&progress_rawjson, text);
        assert_log(build, cases[i].log);
        assert_int_equal(build->steps[0].current, cases[i].current);
        assert_int_equal(build->steps[0].goal, cases[i].goal);
        if (cases[i].transfer != NULL)
            assert_string_equal(build->steps[0].transfer, cases[i].transfer);
        else
            assert_null(build->steps[0].transfer);
        build_free(build);
        free(text);
    }
}

static void test_rawjson_warning(void **state)
{
    (void)state;
    struct build *build =
        build_of(&progress_rawjson,
                 VERTEX("d", "n", STARTED("01")) "{\"warnings\":[{\"vertex\":\"d\",\"short\":"
                                                 "\"b25l\"},{\"vertex\":\"e\"},7]}\n");
    assert_log(build, "#1 n|#1 WARN: one|");
    assert_int_equal(build->steps[0].warnings, 1);
    build_free(build);
}

int main(void)
{
    limit_program(60);
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_all_recorded),
        cmocka_unit_test(test_plain_transfer),
        cmocka_unit_test(test_plain_states),
        cmocka_unit_test(test_plain_step_again),
        cmocka_unit_test(test_plain_clipped),
        cmocka_unit_test(test_plain_flood),
        cmocka_unit_test(test_plain_headings),
        cmocka_unit_test(test_plain_strange_lines),
        cmocka_unit_test(test_rawjson_lines),
        cmocka_unit_test(test_rawjson_without_step),
        cmocka_unit_test(test_rawjson_shared),
        cmocka_unit_test(test_rawjson_transfer),
        cmocka_unit_test(test_rawjson_warning),
        cmocka_unit_test(test_rawjson_fields),
        cmocka_unit_test(test_plain_fields),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_legacy_imitated),
        cmocka_unit_test(test_legacy_imitated_success),
        cmocka_unit_test(test_legacy_command_ends),
        cmocka_unit_test(test_rawjson_output_after_the_end),
    };
    enum { OTHERS_LEN = sizeof others / sizeof others[0] };
    struct CMUnitTest tests[RECORDED_LEN + OTHERS_LEN];
    for (size_t i = 0; i < RECORDED_LEN; i++)
        tests[i] = (struct CMUnitTest){.name = recorded[i].name,
                                       .test_func = test_recorded,
                                       .initial_state = (void *)(uintptr_t)i};
    memcpy(tests + RECORDED_LEN, others, sizeof others);
    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
