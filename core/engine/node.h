/* What docker says there is: the nodes of a buildx builder, and docker's
 * contexts. Plain data. */
#ifndef BILGE_ENGINE_NODE_H
#define BILGE_ENGINE_NODE_H

#include <stdbool.h>
#include <stddef.h>

/* Texts of docker's; "" when it did not say. */
struct builder_node {
    char *name;
    char *endpoint;  /* a context's name, or a URL */
    char *status;    /* "running", "inactive", "stopped", … */
    char *version;   /* of its BuildKit */
    char *platforms; /* "linux/amd64, linux/arm64" */
    char *error;     /* NULL: none */
};
void builder_nodes_free(struct builder_node *nodes, size_t len);

struct docker_context {
    char *name;
    char *host;        /* "unix:///var/run/docker.sock", "ssh://…" */
    char *description; /* "" without */
    bool current;      /* the one that we talk to */
};
void docker_contexts_free(struct docker_context *contexts, size_t len);

#endif
