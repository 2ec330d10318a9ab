/* Scripted tools in a PATH of their own, instead of the real ones. */
#ifndef BILGE_TESTS_SUPPORT_FAKE_TOOL_H
#define BILGE_TESTS_SUPPORT_FAKE_TOOL_H

/* Makes an executable shell script dir/name out of the body. Ordinary commands
 * (cat, sleep) are in its PATH. */
void fake_tool(const char *dir, const char *name, const char *body);

/* PATH becomes `dir` alone; the old one comes back with fake_path_restore(). */
void fake_path_set(const char *dir);
void fake_path_restore(void);

#endif
