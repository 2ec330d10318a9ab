/* A build log through a pipe, as the runner reads it, against cat(1):
 *
 *     bench_log [LINES [ROUNDS]]        default 2,000,000 lines, 7 rounds
 *
 * The producer is `cat FILE` (large writes) in all cases. Prints medians, the
 * ratio to `cat FILE | cat >/dev/null`, and how much the peak of our own
 * memory has grown. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <uv.h>

#include "core/base/mem.h"
#include "core/base/process.h"
#include "core/builds/progress/progress.h"

#define LOG_BYTES (16 * 1024 * 1024)
#define ROUNDS_MOST 99

enum consumer {
    CONSUMER_CAT,
    CONSUMER_READ,
    CONSUMER_PLAIN,
    CONSUMER_FILE,
    CONSUMER_HEADLESS,
    CONSUMERS
};

static const char *const names[CONSUMERS] = {
    "cat FILE | cat >/dev/null",
    "process.c, bytes thrown away",
    "plain parser and log",
    "plain parser, log with its file in /tmp",
    "plain parser, log, write(2) to /dev/null",
};

struct run {
    enum consumer consumer;
    void *progress;
    FILE *null;
    struct process *process;
    struct buildlog *log;
};

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void on_output(void *arg, enum process_stream stream, const char *data, size_t len)
{
    struct run *run = arg;
    if (run->consumer >= CONSUMER_PLAIN)
        progress_plain.feed(run->progress, stream, data, len, 1);
    if (buildlog_is_behind(run->log))
        process_pause(run->process);
    if (run->consumer == CONSUMER_HEADLESS && write(fileno(run->null), data, len) < 0)
        abort();
}

static void on_room(void *arg)
{
    struct run *run = arg;
    if (run->process != NULL)
        process_resume(run->process);
}

static void on_exit_(void *arg, int status, const struct err *err)
{
    struct run *run = arg;
    (void)err;
    if (status != 0)
        abort();
    process_free(run->process);
    run->process = NULL;
}

static const struct process_ops ops = {.on_output = on_output, .on_exit = on_exit_};

static double run_once(enum consumer consumer, const char *path, uint64_t lines)
{
    double start = now_ms();
    if (consumer == CONSUMER_CAT) {
        char *command = mem_printf("cat %s | cat >/dev/null", path);
        if (system(command) != 0)
            abort();
        free(command);
        return now_ms() - start;
    }
    uv_loop_t loop;
    struct build *build = build_new(1, NULL, 0, "bench", LOG_BYTES);
    struct run run = {consumer, progress_plain.open(build), fopen("/dev/null", "w"), NULL,
                      build->log};
    const char *const argv[] = {"cat", path, NULL};
    const struct process_spec spec = {.argv = argv};
    uv_loop_init(&loop);
    if (consumer == CONSUMER_FILE)
        buildlog_spill_to(build->log, &loop, "/tmp");
    buildlog_on_room(build->log, on_room, &run);
    if (process_spawn(&loop, &spec, &ops, &run, &run.process, NULL) < 0)
        abort();
    uv_run(&loop, UV_RUN_DEFAULT);
    buildlog_on_room(build->log, NULL, NULL);
    progress_plain.end(run.progress, 1);
    double took = now_ms() - start;
    if (consumer >= CONSUMER_PLAIN && buildlog_end(build->log) != lines + 1)
        abort(); /* a line was lost */
    progress_plain.close(run.progress);
    build_free(build);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    fclose(run.null);
    return took;
}

static int64_t write_log(const char *path, uint64_t lines)
{
    FILE *file = fopen(path, "w");
    fputs("#8 [api builder 4/6] RUN flood\n", file);
    for (uint64_t i = 0; i < lines; i++)
        fprintf(file, "#8 %.3f %09llu %.*s\n", (double)i / 1e5, (unsigned long long)i, 96,
                "Compiling some-crate-with-a-long-name v1.2.3 "
                "(/app/crates/some-crate-with-a-long-name) and so on");
    int64_t bytes = ftell(file);
    if (fclose(file) != 0)
        abort();
    return bytes;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double cpu_ms(int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static long peak_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

int main(int argc, char **argv)
{
    uint64_t lines = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000000;
    int rounds = argc > 2 ? atoi(argv[2]) : 7;
    static double took[CONSUMERS][ROUNDS_MOST];
    double cpu[CONSUMERS] = {0};
    char path[] = "/tmp/bilge-bench-XXXXXX";
    if (rounds < 1 || rounds > ROUNDS_MOST || mkstemp(path) < 0)
        return 2;
    int64_t bytes = write_log(path, lines);
    long before = peak_kib();
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < CONSUMERS; i++) { /* the order goes round */
            int consumer = (i + round) % CONSUMERS;
            double start = cpu_ms(RUSAGE_SELF);
            took[consumer][round] = run_once((enum consumer)consumer, path, lines);
            cpu[consumer] += (cpu_ms(RUSAGE_SELF) - start) / rounds;
        }
    printf("%llu lines, %.0f MB, %d rounds\n", (unsigned long long)lines, (double)bytes / 1e6,
           rounds);
    for (int i = 0; i < CONSUMERS; i++)
        qsort(took[i], (size_t)rounds, sizeof took[i][0], compare);
    double cat = took[CONSUMER_CAT][rounds / 2];
    for (int i = 0; i < CONSUMERS; i++) {
        double median = took[i][rounds / 2];
        printf("%-42s %7.1f ms  %6.0f MB/s  %5.2f x cat  our CPU %6.1f ms\n", names[i], median,
               (double)bytes / median / 1e3, median / cat, cpu[i]);
    }
    printf("peak memory: %ld KiB more than at the start; the log's bound is %d KiB\n",
           peak_kib() - before, LOG_BYTES / 1024);
    unlink(path);
    return 0;
}
