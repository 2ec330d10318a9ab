/* The manifests that lie among a cache's blobs and what each refers to: read
 * once, whatever leads to them. */
#ifndef BILGE_CACHE_GRAPH_H
#define BILGE_CACHE_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/cache/cache.h"
#include "core/oci/layout.h"

/* What a manifest leads to. */
enum node_kind {
    NODE_UNTOLD,  /* not yet asked */
    NODE_ASKED,   /* being asked: a ring comes back here */
    NODE_CACHE,   /* a BuildKit cache config, and nothing else */
    NODE_OTHER,   /* something else: an image, say */
    NODE_UNKNOWN, /* a manifest below it is gone, or can't be read */
};

struct node {
    uint32_t blob;
    uint8_t kind;    /* enum node_kind; graph_kind() tells it */
    bool referenced; /* another manifest leads here: not a generation of its own */
    /* One of the two. */
    struct manifest manifest;
    const struct cache_generation *known; /* of the earlier scan: whole, and all still there */
};

enum blob_reading { READING_NONE, READING_MANIFEST, READING_OTHER, READING_FAILED };

struct graph {
    struct cache *cache;          /* its blobs are there, sorted; roles and times get filled in */
    int blobs_fd;                 /* blobs/sha256; -1: none */
    int aside_fd, cache_fd;       /* where blobs that were set aside are read; -1: nowhere */
    const struct cache *previous; /* an earlier scan; NULL: none */
    uint8_t *readings;            /* per blob, enum blob_reading */
    uint32_t *node_of;            /* per blob; CACHE_NONE: no manifest */
    bool *referenced;             /* per blob */
    /* With `previous`, both ways, when it is the same file: else CACHE_NONE. */
    uint32_t *earlier_of; /* per blob: the blob there */
    uint32_t *now_of;     /* per blob there: the blob here */
    uint32_t *known_of;   /* per blob there: the whole generation that it is the manifest of */
    struct node *nodes;
    size_t nodes_len, nodes_cap;
    size_t descriptors; /* held in all */
    uint32_t *pending;  /* blobs to read: nesting takes no stack */
    size_t pending_len, pending_cap;
    struct buf text;   /* of the document being read */
    size_t unread;     /* blobs that could not be read: what they lead to is not known */
    struct err reason; /* of the first of them */
};

void graph_init(struct graph *graph, struct cache *cache, int blobs_fd,
                const struct cache *previous);
void graph_done(struct graph *graph);

/* Reads the blob as a manifest, and all manifests that it leads to. 0, or why
 * this one could not be read: ERR_FORMAT when it is none, ERR_LIMIT. */
int graph_read(struct graph *graph, uint32_t blob, struct err *err);

/* Finds manifests that nothing leads to, among the small blobs, newest first:
 * one that is found spares looking at all that it refers to. */
void graph_probe(struct graph *graph);

/* What the manifest that was read from the blob leads to. */
enum node_kind graph_kind(struct graph *graph, uint32_t blob);

/* Reads a cache config, once; with `times`, for the times of layers that have none
 * yet. With `needed` it counts as unread when it can't be. */
void graph_read_config(struct graph *graph, uint32_t blob, bool times, bool needed);

#endif
