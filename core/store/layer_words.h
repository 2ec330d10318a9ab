/* What a person calls the step that made a layer, from the description that
 * BuildKit gives it. Source: moby/buildkit solver/llbsolver/ops and
 * cache/manager.go; Docker Engine 20.10 to 28.5 write the same. */
#ifndef BILGE_STORE_LAYER_WORDS_H
#define BILGE_STORE_LAYER_WORDS_H

#define LAYER_STEP "mount / from exec " /* what the description of a RUN begins with */

/* "mount / from exec /bin/sh -c make" is "RUN make"; "cached mount /t from exec
 * …" is "cache mount /t of RUN …"; "pulled from X" is "base image X"; others
 * stay, blanks squeezed. NULL when it does not tell: empty, or what an import
 * has renamed. Raw bytes; the caller frees it. */
char *layer_words(const char *description);

#endif
