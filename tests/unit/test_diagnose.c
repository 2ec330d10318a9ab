/* One text per row of the table; those of tests/data/build are real logs, the
 * others are what the tools' sources and their users' reports say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/builds/progress/diagnose.h"
#include "core/builds/progress/progress.h"
#include "tests/support/limit.h"

static const struct {
    const char *text, *name; /* NULL: nothing known */
    bool harmless;
} texts[] = {
    {"docker: 'compose' is not a docker command.\nSee 'docker --help'", "no-compose", false},
    {"docker: unknown command: docker compose", "no-compose", false},
    {"services.x.build contains unsupported option: 'cache_to'", "compose-1", false},
    {"ERROR: BuildKit is enabled but the buildx component is missing or broken.", "no-buildx",
     false},
    {"DEPRECATED: The legacy builder is deprecated and will be removed in a future release.",
     "no-buildx", true},
    {"ERROR: no builder \"x\" found", "no-builder", false},
    {"permission denied while trying to connect to the Docker daemon socket at unix:///x: dial",
     "socket-denied", false},
    {"permission denied while trying to connect to the docker API at unix:///x", "socket-denied",
     false},
    {"Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?", "no-engine",
     false},
    {"failed to connect to the docker API at unix:///x; check if the path is correct", "no-engine",
     false},
    {"the --mount option requires BuildKit. Refer to x", "no-buildkit", false},
    {"Dockerfile parse error line 3: Unknown flag: mount", "no-buildkit", false},
    {"Cache export is not supported for the docker driver.", "no-cache-export", false},
    {"cache export feature is currently not supported for docker driver.", "no-cache-export",
     false},
    {"level=warning msg=\"local cache import at /x not found due to err: could not read "
     "/x/index.json: open /x/index.json: no such file or directory\"",
     "first-build", true},
    {"could not lock /x/index.json.lock: open /x/index.json.lock: permission denied",
     "cache-denied", true},
    {"error writing layer blob: mkdir /x/ingest/1: permission denied: unknown", "cache-denied",
     false},
    {"mkdir /x/ingest: read-only file system: unknown", "cache-read-only", false},
    {"failed to send write: write /x/ingest/1/data: no space left on device: unknown",
     "cache-disk-full", false},
    {"error writing layer blob: NotFound: rpc error: code = NotFound desc = content sha256:8: not "
     "found",
     "blob-lost", false},
    {"ERROR: failed to solve: NotFound: rpc error: code = NotFound desc = content sha256:8: not "
     "found",
     "blob-lost", false},
    {"ERROR: failed to receive status: rpc error: code = Unavailable desc = error reading from "
     "server: EOF",
     "builder-died", false},
    {"level=warning msg=\"Docker Compose requires buildx plugin to be installed\"", "no-buildx",
     true},
    {"failed to prepare extraction snapshot \"x\": parent snapshot sha256:1 does not exist: not "
     "found",
     "snapshot-lost", false},
    {"mkdir /x: not a directory", "cache-no-directory", false},
    {"write /var/lib/docker/x/meta.db: no space left on device: unknown", "disk-full", false},
    {"dd: error writing '/x': No space left on device", "disk-full", false},
    {"process \"x\" did not complete successfully: exit code: 137", "killed", false},
    {"failed to calculate checksum of ref a::b: \"/app/target/release/x\": not found",
     "binary-in-cache-mount", false},
    {"failed to calculate checksum of ref a::b: \"/missing.txt\": not found", "copy-missing",
     false},
    {"failed to compute cache key: \"/missing.txt\" not found: not found", "copy-missing", false},
    {"COPY failed: file not found in build context or excluded by .dockerignore", "copy-missing",
     false},
    {"dockerfile parse error on line 2: unknown instruction: RUNN", "dockerfile", false},
    {"base name (${BASE}) should not be blank", "blank-base", false},
    {"Fallback to cargo-install is disabled", "no-prebuilt", false},
    {"WARN The package x v8.0.1 will be installed from source (with cargo)", "no-prebuilt", true},
    {"dial tcp: lookup registry.example on 127.0.0.53:53: no such host", "no-dns", false},
    {"dial tcp 192.0.2.1:443: i/o timeout", "network", false},
    {"net/http: TLS handshake timeout", "network", false},
    {"unexpected status from HEAD request to https://x/v2/: 403 Forbidden", "image-denied", false},
    {"tls: first record does not look like a TLS handshake", "registry-plain-http", false},
    {"tls: failed to verify certificate: x509: certificate signed by unknown authority",
     "registry-certificate", false},
    {"failed to calculate checksum of ref a::b: failed to walk /x/b: lstat /x/b: no such file",
     "copy-missing", false},
    {"failed to compute cache key: failed to walk /x/b: lstat /x/b: no such file or directory",
     "copy-missing", false},
    {"toomanyrequests: You have reached your pull rate limit.", "rate-limit", false},
    {"pull access denied, repository does not exist or may require authorization", "image-denied",
     false},
    {"x: failed to resolve source metadata for x:latest: x:latest: not found", "image-missing",
     false},
    {"required variable X is missing a value: m", "variable", false},
    {"[output clipped, log limit 200KiB/s reached]", "clipped", true},
    {"error[E0425]: cannot find value", NULL, false},
    /* the command's own words */
    {"process \"/bin/sh -c echo \\\"exit code: 137\\\"; exit 1\" did not complete successfully: "
     "exit "
     "code: 1",
     NULL, false},
    {"executor failed running [/bin/sh -c echo no such host]: exit code: 1", NULL, false},
    {"executor failed running [/bin/sh -c x]: exit code: 137", "killed", false},
    {"The command '/bin/sh -c echo dockerfile parse error' returned a non-zero code: 1", NULL,
     false},
    {"process \"x\" did not complete successfully: exit code: 101", NULL, false},
    {"", NULL, false},
};

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct diagnosis *found = diagnose_text(texts[i].text, strlen(texts[i].text));
        if (texts[i].name == NULL) {
            assert_null(found);
            continue;
        }
        if (found == NULL || strcmp(found->name, texts[i].name) != 0)
            fail_msg("\"%s\" is %s", texts[i].text, found != NULL ? found->name : "not known");
        assert_int_equal(found->harmless, texts[i].harmless);
        assert_non_null(found->cause);
        assert_non_null(found->fix);
    }
}

static void feed_file(void *progress, const struct progress_ops *ops, int stream, const char *name)
{
    char *path = mem_printf("%s/build/%s.%s.txt", getenv("BILGE_TEST_DATA"), name,
                            stream == 1 ? "stdout" : "stderr");
    FILE *file = fopen(path, "r");
    char chunk[4096];
    size_t got;
    while (file != NULL && (got = fread(chunk, 1, sizeof chunk, file)) > 0)
        ops->feed(progress, stream, chunk, got, 1000);
    if (file != NULL)
        fclose(file);
    free(path);
}

static const struct {
    const char *log;
    const struct progress_ops *ops;
    const char *name; /* NULL: a plain compile error, or no failure */
} logs[] = {
    {"compose-2.26-plain-failcopy", &progress_plain, "copy-missing"},
    {"compose-2.40-bake-plain-failcopy", &progress_plain, "copy-missing"},
    {"docker-20.10-buildkit-plain-COPY-not-found", &progress_plain, "copy-missing"},
    {"compose-2.26-plain-failfrom", &progress_plain, "no-dns"},
    {"compose-2.26-plain-failpull", &progress_plain, "no-dns"},
    {"compose-2.26-plain-registry-missing", &progress_plain, "image-missing"},
    {"compose-2.26-plain-registry-denied", &progress_plain, "image-denied"},
    {"compose-2.26-plain-registry-limited", &progress_plain, "rate-limit"},
    {"compose-2.26-plain-registry-broken", &progress_plain, "registry-error"},
    {"compose-2.26-plain-registry-refused", &progress_plain, "network-refused"},
    {"compose-2.26-plain-cache-disk-full", &progress_plain, "cache-disk-full"},
    {"compose-2.26-plain-engine-disk-full", &progress_plain, "disk-full"},
    {"compose-2.26-plain-engine-disk-full-step", &progress_plain, "disk-full"},
    {"compose-2.26-plain-binary-in-cache-mount", &progress_plain, "binary-in-cache-mount"},
    {"compose-2.40-bake-plain-binary-in-cache-mount", &progress_plain, "binary-in-cache-mount"},
    {"compose-1.29-buildkit1-binary-in-cache-mount", &progress_plain, "binary-in-cache-mount"},
    {"compose-1.29-buildkit0-legmount", &progress_legacy, "no-buildkit"},
    {"compose-2.26-plain-failarg", &progress_plain, "blank-base"},
    {"compose-2.40-bake-plain-failsyntax", &progress_plain, "dockerfile"},
    {"compose-2.26-cache-dir-permission-denied", &progress_plain, "cache-denied"},
    {"compose-2.26-plain-fail-cache-blob-missing", &progress_plain, "blob-lost"},
    {"compose-2.26-legacy-builder-legmount", &progress_legacy, "no-buildkit"},
    {"compose-2.26-plain-failrun", &progress_plain, NULL},
    {"compose-2.26-rawjson-failing-RUN", &progress_rawjson, NULL},
    {"compose-2.26-rawjson-two-services", &progress_rawjson, NULL},
};

/* What tools say before there is any step; and, of cargo-binstall, what it
 * prints in one. */
static const struct {
    const char *name, *diagnosis;
    bool harmless;
} said[] = {
    {"compose-1.29-permission", "socket-denied", false},
    {"compose-2.26-permission", "socket-denied", false},
    {"compose-2.40-permission", "socket-denied", false},
    {"compose-1.29-down", "no-engine", false},
    {"compose-2.26-down", "no-engine", false},
    {"compose-2.40-down", "no-engine", false},
    {"compose-1.29-refused", "no-engine", false},
    {"compose-2.26-refused", "no-engine", false},
    {"compose-2.40-refused", "no-engine", false},
    {"binstall-1.13-no-prebuilt", "no-prebuilt", false},
    {"binstall-1.13-compiles", "no-prebuilt", true},
};

static void test_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        char *path = mem_printf("%s/diagnose/%s.txt", getenv("BILGE_TEST_DATA"), said[i].name);
        struct build *build = build_new(1, NULL, 0, "x", 1024 * 1024);
        void *progress = progress_plain.open(build);
        char text[16384];
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        size_t len = fread(text, 1, sizeof text, file);
        fclose(file);
        progress_plain.feed(progress, 2, text, len, 1000);
        progress_plain.end(progress, 2000);
        build_end(build, BUILD_FAILED, 1, 3000);
        const struct diagnosis *found =
            said[i].harmless ? diagnose_text(text, len) : diagnose_build(build);
        if (found == NULL || strcmp(found->name, said[i].diagnosis) != 0)
            fail_msg("%s is %s", said[i].name, found != NULL ? found->name : "not known");
        assert_int_equal(found->harmless, said[i].harmless);
        if (!said[i].harmless)
            assert_null(strstr(build->error, "Traceback"));
        progress_plain.close(progress);
        build_free(build);
        free(path);
    }
}

/* What a step prints is no word of the engine, and of a step that went well it
 * says nothing of the failure. */
static void test_imitated(void **state)
{
    (void)state;
    static const struct {
        const char *log, *name;
    } cases[] = {
        {"#5 [1/2] RUN a\n#5 0.1 dial tcp: no such host\n#5 DONE 0.1s\n"
         "#6 [2/2] RUN b\n#6 0.1 oh\n#6 ERROR: exit code: 1\n",
         NULL},
        {"#6 [2/2] RUN b\n#6 0.1 dial tcp: no such host\n#6 ERROR: exit code: 1\n", "no-dns"},
        {"#6 [2/2] RUN b\n#6 0.1 x: No space left on device\n#6 ERROR: exit code: 1\n",
         "disk-full"},
        {"#6 [2/2] RUN b\n#6 0.1 Cannot connect to the Docker daemon\n#6 ERROR: exit code: 1\n",
         NULL},
        {"#6 [2/2] RUN b\n#6 0.1 pull access denied\n#6 ERROR: exit code: 1\n"
         "------\n > [2/2] RUN b:\n0.1 pull access denied\n------\n",
         NULL},
        {"#6 [2/2] RUN echo dockerfile parse error\n#6 ERROR: exit code: 1\n"
         "------\n > [2/2] RUN echo dockerfile parse error:\n------\nDockerfile:1\n"
         "--------------------\n   1 | >>> RUN echo dockerfile parse error\n"
         "--------------------\n",
         NULL},
        {"#6 [2/2] RUN b\n#6 ERROR: exit code: 1\npull access denied\n", "image-denied"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build *build = build_new(1, NULL, 0, "x", 1024 * 1024);
        void *progress = progress_plain.open(build);
        progress_plain.feed(progress, 1, cases[i].log, strlen(cases[i].log), 1000);
        progress_plain.end(progress, 2000);
        build_end(build, BUILD_FAILED, 1, 3000);
        const struct diagnosis *found = diagnose_build(build);
        const char *name = found != NULL ? found->name : "nothing";
        if (strcmp(name, cases[i].name != NULL ? cases[i].name : "nothing") != 0)
            fail_msg("%zu is %s", i, name);
        progress_plain.close(progress);
        build_free(build);
    }
}

/* A file that another stage lacks is no matter of the context. */
static void test_stage_lacks_file(void **state)
{
    (void)state;
    static const char log[] =
        "#5 [stage-1 2/2] COPY --from=builder /made/x /x\n"
        "#5 ERROR: failed to calculate checksum of ref a::b: \"/made/x\": not found\n";
    struct build *build = build_new(1, NULL, 0, "x", 1024 * 1024);
    void *progress = progress_plain.open(build);
    progress_plain.feed(progress, 1, log, strlen(log), 1000);
    progress_plain.end(progress, 2000);
    build_end(build, BUILD_FAILED, 1, 3000);
    assert_string_equal(diagnose_build(build)->name, "stage-lacks-file");
    progress_plain.close(progress);
    build_free(build);
}

static void test_logs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++) {
        struct build *build = build_new(1, NULL, 0, "x", 1024 * 1024);
        void *progress = logs[i].ops->open(build);
        feed_file(progress, logs[i].ops, 1, logs[i].log);
        feed_file(progress, logs[i].ops, 2, logs[i].log);
        logs[i].ops->end(progress, 2000);
        assert_true(buildlog_end(build->log) > 0); /* the recording was found */
        assert_null(diagnose_build(build));        /* it has not failed yet */
        build_end(build, BUILD_FAILED, 1, 3000);
        const struct diagnosis *found = diagnose_build(build);
        if (logs[i].name == NULL)
            assert_null(found);
        else
            assert_string_equal(found->name, logs[i].name);
        logs[i].ops->close(progress);
        build_free(build);
    }
}

int main(void)
{
    limit_program(60);
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),    cmocka_unit_test(test_logs),
        cmocka_unit_test(test_said),     cmocka_unit_test(test_stage_lacks_file),
        cmocka_unit_test(test_imitated),
    };
    return cmocka_run_group_tests_name("diagnose", tests, NULL, NULL);
}
