libbilge_a_SOURCES += \
	core/engine/api.c core/engine/api.h \
	core/engine/docker_text.c core/engine/docker_text.h \
	core/engine/json.c core/engine/json.h \
	core/engine/record.c core/engine/record.h \
	core/engine/record_df.c \
	core/engine/record_du.c \
	core/engine/response.c core/engine/response.h
