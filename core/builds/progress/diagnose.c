#include "core/builds/progress/diagnose.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/builds/errorline.h"

/* How far back the log is searched. */
#define LINES_BACK 500

/* The first row whose texts all occur is taken: special ones stand first. */
static const struct row {
    const char *texts[2];
    struct diagnosis diagnosis;
} rows[] = {
    /* the tools */
    {{"is not a docker command"},
     {"no-compose", "docker has no compose plugin.", "install docker-compose version 2", 0, 0}},
    {{"unknown command: docker compose"},
     {"no-compose", "docker has no compose plugin.", "install docker-compose version 2", 0, 0}},
    {{"unsupported option: 'cache_to'"},
     {"compose-1", "docker-compose version 1 knows no cache_to.",
      "install docker-compose version 2", 0, 0}},
    {{"buildx component is missing or broken"},
     {"no-buildx", "BuildKit is asked for, but docker has no buildx.",
      "install docker-buildx, or build with --traditional", 0, 1}},
    {{"requires buildx plugin to be installed"}, /* compose 5 */
     {"no-buildx", "docker has no buildx, so it builds without BuildKit and without caches.",
      "install docker-buildx", 1, 0}},
    {{"The legacy builder is deprecated"},
     {"no-buildx", "docker has no buildx, so it builds without BuildKit and without caches.",
      "install docker-buildx", 1, 0}},
    {{"no builder \"", "found"},
     {"no-builder", "The chosen builder does not exist.",
      "docker buildx ls shows those that do; BUILDX_BUILDER and --builder choose", 0, 0}},
    /* the engine */
    {{"permission denied while trying to connect to the"},
     {"socket-denied", "This user may not talk to the Docker Engine.",
      "sudo usermod -aG docker $USER, then log in again", 0, 0}},
    {{"Cannot connect to the Docker daemon"},
     {"no-engine", "The Docker Engine does not answer.", "sudo systemctl start docker", 0, 0}},
    {{"failed to connect to the docker API"},
     {"no-engine", "The Docker Engine does not answer.", "sudo systemctl start docker", 0, 0}},
    /* compose 1 talks to the engine itself */
    {{"Error while fetching server API version", "PermissionError"},
     {"socket-denied", "This user may not talk to the Docker Engine.",
      "sudo usermod -aG docker $USER, then log in again", 0, 0}},
    {{"Error while fetching server API version"},
     {"no-engine", "The Docker Engine does not answer.", "sudo systemctl start docker", 0, 0}},
    /* BuildKit or not */
    {{"the --mount option requires BuildKit"},
     {"no-buildkit", "The Dockerfile needs BuildKit, which is switched off.",
      "DOCKER_BUILDKIT=1, or the Dockerfile's original without --mount", 0, 0}},
    {{"Unknown flag: mount"},
     {"no-buildkit", "The Dockerfile needs BuildKit, which this engine does not use.",
      "DOCKER_BUILDKIT=1, or the Dockerfile's original without --mount", 0, 0}},
    {{"ache export", "not supported for"},
     {"no-cache-export", "This builder can't export a local cache.",
      "turn on the containerd image store (\"features\": {\"containerd-snapshotter\": true} in "
      "/etc/docker/daemon.json), or docker buildx create --use",
      0, 1}},
    /* local caches */
    {{"local cache import at", "no such file or directory"},
     {"first-build", "There is no local cache yet.", "nothing to do: this build makes it", 1, 0}},
    {{"index.json.lock", "permission denied"},
     {"cache-denied", "The cache directory belongs to another user, so it was not read.",
      "sudo chown -R $USER on the cache directory", 1, 1}},
    {{"/ingest", "permission denied"},
     {"cache-denied", "The cache directory belongs to another user.",
      "sudo chown -R $USER on the cache directory", 0, 1}},
    {{"/ingest", "read-only file system"},
     {"cache-read-only", "The cache directory lies on a read-only file system.",
      "choose another place for cache_to", 0, 1}},
    {{"/ingest", "no space left on device"},
     {"cache-disk-full", "The disk of the local caches is full; the image itself was built.",
      "bilge prune --garbage, then bilge prune --free", 0, 1}},
    {{"error writing layer blob", "otFound"},
     {"blob-lost", "The cache lacks a layer that its index names.",
      "bilge verify --repair, or prune this service's cache", 0, 1}},
    {{"failed to receive status", "Unavailable"},
     {"builder-died", "The builder stopped while it built.",
      "docker buildx ls shows whether it runs again; build again", 0, 0}},
    {{"NotFound", "content sha256:"},
     {"blob-lost", "The cache lacks a layer that its index names.",
      "bilge verify --repair, or prune this service's cache", 0, 1}},
    {{"parent snapshot", "does not exist"},
     {"snapshot-lost", "The engine lost a layer while several builds ran.", "build again", 0, 0}},
    {{"mkdir ", ": not a directory"},
     {"cache-no-directory", "Where the cache should be there is a file.",
      "remove it, or choose another place for cache_to", 0, 1}},
    /* disks and memory */
    {{"no space left on device"},
     {"disk-full", "The engine's disk is full.", "bilge prune --records, or bilge prune --free", 0,
      0}},
    {{"No space left on device"},
     {"disk-full", "The engine's disk is full.", "bilge prune --records, or bilge prune --free", 0,
      0}},
    {{"exit code: 137"},
     {"killed", "The command was killed: most likely it ran out of memory.",
      "fewer parallel jobs, or more memory", 0, 0}},
    /* the Dockerfile and what it copies */
    {{"failed to calculate checksum of ref", "/target/"},
     {"binary-in-cache-mount",
      "The file was built inside a cache mount, which is not part of the image.",
      "copy it elsewhere in the same RUN: cp target/release/app /app", 0, 0}},
    {{"failed to walk", "/target/"}, /* a whole directory is missing */
     {"binary-in-cache-mount",
      "The file was built inside a cache mount, which is not part of the image.",
      "copy it elsewhere in the same RUN: cp target/release/app /app", 0, 0}},
    {{"failed to compute cache key: failed to walk", "no such file or directory"},
     {"copy-missing", "COPY names a file that is not in the build context.",
      "check the path, the context and .dockerignore", 0, 0}},
    {{"failed to calculate checksum of ref", "failed to walk"},
     {"copy-missing", "COPY names a file that is not in the build context.",
      "check the path, the context and .dockerignore", 0, 0}},
    {{"failed to calculate checksum of ref", "not found"},
     {"copy-missing", "COPY names a file that is not in the build context.",
      "check the path, the context and .dockerignore", 0, 0}},
    {{"failed to compute cache key", "not found"},
     {"copy-missing", "COPY names a file that is not in the build context.",
      "check the path, the context and .dockerignore", 0, 0}},
    {{"COPY failed: "},
     {"copy-missing", "COPY names a file that is not there.",
      "check the path, the context and .dockerignore", 0, 0}},
    {{"dockerfile parse error"},
     {"dockerfile", "The Dockerfile has a line that is no instruction.",
      "see the line that is named", 0, 0}},
    {{"base name (", "should not be blank"},
     {"blank-base", "FROM uses an ARG that has no value.",
      "give it a default before the first FROM, or set it under build.args", 0, 0}},
    {{"cargo-install is disabled"},
     {"no-prebuilt", "cargo-binstall found no prebuilt binary for this platform.",
      "allow it to compile, or pin a version that has one", 0, 0}},
    {{"will be installed from source (with cargo)"},
     {"no-prebuilt", "cargo-binstall found no prebuilt binary, so it compiles: this takes long.",
      "pin a version that has one", 1, 0}},
    /* the network */
    {{"no such host"},
     {"no-dns", "A host name could not be resolved.", "check the network and the image's name", 0,
      0}},
    {{"i/o timeout"},
     {"network", "The network does not answer.", "check the network and proxies; build again", 0,
      0}},
    {{"TLS handshake timeout"},
     {"network", "The network does not answer.", "check the network and proxies; build again", 0,
      0}},
    {{"dial tcp", "connection refused"},
     {"network-refused", "The registry, or another host, refuses the connection.",
      "check its name and port, the network and proxies", 0, 0}},
    {{"first record does not look like a TLS handshake"},
     {"registry-plain-http", "The registry speaks HTTP where HTTPS is expected.",
      "check its port, or list it under \"insecure-registries\" in /etc/docker/daemon.json", 0, 0}},
    {{"x509: "},
     {"registry-certificate", "The certificate of the registry, or of a proxy, is not trusted.",
      "put its authority into /etc/docker/certs.d/HOST/ca.crt", 0, 0}},
    {{"unexpected status from", "429 Too Many Requests"},
     {"rate-limit", "The registry refuses more downloads for now.", "docker login, or wait", 0, 0}},
    {{"unexpected status from", "401 Unauthorized"},
     {"image-denied", "The image does not exist, or needs a login.", "check its name; docker login",
      0, 0}},
    {{"unexpected status from", "403 Forbidden"},
     {"image-denied", "The image does not exist, or needs a login.", "check its name; docker login",
      0, 0}},
    {{"unexpected status from"},
     {"registry-error", "The registry answers with an error.", "build again later", 0, 0}},
    {{"toomanyrequests"},
     {"rate-limit", "The registry refuses more downloads for now.", "docker login, or wait", 0, 0}},
    {{"pull access denied"},
     {"image-denied", "The image does not exist, or needs a login.", "check its name; docker login",
      0, 0}},
    {{"failed to resolve source metadata", "not found"},
     {"image-missing", "The base image does not exist in its registry.", "check name and tag", 0,
      0}},
    /* compose */
    {{"required variable", "is missing a value"},
     {"variable", "The compose file needs a variable that is not set.",
      "set it in the environment or in .env", 0, 0}},
    {{"[output clipped, log limit"},
     {"clipped", "The engine cut the output of a step: it wrote too fast or too much.",
      "write less, or to a file", 1, 0}},
};

static bool occurs(const char *text, size_t len, const char *part)
{
    return part == NULL || memmem(text, len, part, strlen(part)) != NULL;
}

/* What tools and the engine say of themselves is not to be believed of a step's
 * output, which may hold any text: only these are looked for there, and only in
 * that of a step that has failed. */
static const char *const printed_by_steps[] = {"disk-full", "no-prebuilt", "no-dns", "network",
                                               "network-refused"};

static bool is_printed(const struct row *row)
{
    for (size_t i = 0; i < sizeof printed_by_steps / sizeof printed_by_steps[0]; i++)
        if (strcmp(row->diagnosis.name, printed_by_steps[i]) == 0)
            return true;
    return false;
}

static const struct diagnosis *find_row(const char *text, size_t len, bool printed)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if ((!printed || is_printed(&rows[i])) && occurs(text, len, rows[i].texts[0]) &&
            occurs(text, len, rows[i].texts[1]))
            return &rows[i].diagnosis;
    return NULL;
}

const struct diagnosis *diagnose_text(const char *text, size_t len)
{
    struct buf said = {0};
    size_t end, start = errorline_find_command(text, len, &end);
    buf_append(&said, text, start);
    buf_append(&said, "\n", 1);
    buf_append(&said, text + end, len - end);
    const struct diagnosis *found = find_row(said.data, said.len, false);
    buf_done(&said);
    return found;
}

static const struct diagnosis *unless_harmless(const struct diagnosis *found)
{
    return found != NULL && !found->harmless ? found : NULL;
}

static const struct diagnosis *cause_in(const char *text)
{
    return text != NULL ? unless_harmless(diagnose_text(text, strlen(text))) : NULL;
}

/* A line of the Dockerfile that a tool shows, and no word of its own. */
static bool is_quoted(const struct buildlog_line *line)
{
    bool heading = line->len > 3 && memcmp(line->text, " > ", 3) == 0;
    return line->kind == LOG_NAME || heading || build_excerpt_is_line(line->text, line->len);
}

static const struct diagnosis *cause_of_line(const struct build *build,
                                             const struct buildlog_line *line)
{
    if (logline_is_output(line)) {
        const struct step *step = build_find_step(build, line->step);
        bool failed = step != NULL && step->state == STEP_FAILED;
        return failed ? unless_harmless(find_row(line->text, line->len, true)) : NULL;
    }
    return is_quoted(line) ? NULL : unless_harmless(diagnose_text(line->text, line->len));
}

static const struct diagnosis *find_in(const struct build *build)
{
    const struct diagnosis *found = NULL;
    if (build->state != BUILD_FAILED)
        return NULL;
    found = cause_in(build->error);
    for (size_t i = 0; i < build->steps_len && found == NULL; i++)
        found = cause_in(build->steps[i].error);
    uint64_t first = buildlog_first(build->log), at = buildlog_end(build->log);
    if (at > LINES_BACK && first < at - LINES_BACK)
        first = at - LINES_BACK;
    struct buildlog_line line;
    while (at-- > first && found == NULL)
        if (buildlog_get(build->log, at, &line) == 0)
            found = cause_of_line(build, &line);
    return found;
}

/* What COPY --from lacks is not in another stage: the context has no say in it. */
static const struct diagnosis stage_lacks_file = {
    "stage-lacks-file",
    "COPY --from names a file that the other stage does not have; what a RUN writes into a cache "
    "mount is not part of its stage.",
    "check the path, or copy the file out of the cache mount in the same RUN", 0, 0};

static const struct diagnosis *refine(const struct build *build, const struct diagnosis *found)
{
    if (found == NULL || strcmp(found->name, "copy-missing") != 0)
        return found;
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct step *step = &build->steps[i];
        if ((step->state == STEP_FAILED || step->state == STEP_CANCELLED) &&
            strncmp(step->instruction, "COPY --from=", 12) == 0)
            return &stage_lacks_file;
    }
    return found;
}

const struct diagnosis *diagnose_build(const struct build *build)
{
    return refine(build, find_in(build));
}
