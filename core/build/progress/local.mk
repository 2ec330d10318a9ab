libbilge_a_SOURCES += \
	core/build/progress/base64.c core/build/progress/base64.h \
	core/build/progress/objects.c core/build/progress/objects.h \
	core/build/progress/plain_line.c core/build/progress/plain_line.h \
	core/build/progress/progress.h \
	core/build/progress/progress_legacy.c \
	core/build/progress/progress_plain.c \
	core/build/progress/progress_rawjson.c \
	core/build/progress/rawjson.h core/build/progress/rawjson_output.c \
	core/build/progress/rawjson_say.c core/build/progress/rawjson_vertex.c \
	core/build/progress/reason.c core/build/progress/reason.h \
	core/build/progress/remarks.c core/build/progress/remarks.h \
	core/build/progress/streams.c core/build/progress/streams.h \
	core/build/progress/vertex.c core/build/progress/vertex.h
