/* Where the engine is: what the docker CLI would talk to, worked out without
 * starting it. Order, as docker/cli does it: an explicit context; DOCKER_HOST;
 * DOCKER_CONTEXT; "currentContext" of config.json (in DOCKER_CONFIG or
 * ~/.docker); the default socket. Contexts are read from
 * contexts/meta/<any>/meta.json by their "Name".
 * Source: docker/cli cli/command/cli.go, cli/context/store. */
#ifndef BILGE_ENGINE_ENDPOINT_H
#define BILGE_ENGINE_ENDPOINT_H

#include "core/base/err.h"
#include "core/base/json.h"
#include "core/engine/node.h"

struct endpoint {
    char *context;     /* name of the context; "default" when none is set */
    char *host;        /* "unix:///var/run/docker.sock", "ssh://…", "tcp://…" */
    char *socket_path; /* the path of a unix host; NULL: go through docker system dial-stdio */
};

/* The docker CLI's own directory: DOCKER_CONFIG, else ~/.docker. The caller
 * frees it. */
char *endpoint_config_dir(void);

/* One of its files, which must be a JSON object; symlinks are followed, as docker
 * does. NULL: none that can be read. The caller gives it to cJSON_Delete(). */
cJSON *endpoint_read_json(const char *path);

/* `context` may be NULL. ERR_USAGE when that context does not exist. */
int endpoint_find(const char *context, struct endpoint *ret_endpoint, struct err *err);
/* All contexts by name, "default" first: where DOCKER_HOST points (as given,
 * else as it is in the environment), else the default socket. `current` may be
 * NULL. The caller gives them back with docker_contexts_free(). */
void endpoint_contexts(const char *current, const char *docker_host,
                       struct docker_context **ret_contexts, size_t *ret_len);
void endpoint_done(struct endpoint *endpoint);

#endif
