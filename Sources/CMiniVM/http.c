#define _GNU_SOURCE
#include "CMiniVM.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct {
  CURLcode (*global_init)(long);
  CURL *(*easy_init)(void);
  CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
  CURLcode (*easy_perform)(CURL *);
  CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
  void (*easy_cleanup)(CURL *);
  const char *(*easy_strerror)(CURLcode);
} api;
static int loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
  static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.so"};
  void *handle = NULL;
  for (unsigned i = 0; i < sizeof names / sizeof *names && !handle; i++)
    handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (!handle) return;
  api.global_init = (CURLcode(*)(long))dlsym(handle, "curl_global_init");
  api.easy_init = (CURL * (*)(void)) dlsym(handle, "curl_easy_init");
  api.easy_setopt = (CURLcode(*)(CURL *, CURLoption, ...))dlsym(handle, "curl_easy_setopt");
  api.easy_perform = (CURLcode(*)(CURL *))dlsym(handle, "curl_easy_perform");
  api.easy_getinfo = (CURLcode(*)(CURL *, CURLINFO, ...))dlsym(handle, "curl_easy_getinfo");
  api.easy_cleanup = (void (*)(CURL *))dlsym(handle, "curl_easy_cleanup");
  api.easy_strerror = (const char *(*)(CURLcode))dlsym(handle, "curl_easy_strerror");
  loaded = api.global_init && api.easy_init && api.easy_setopt && api.easy_perform &&
           api.easy_getinfo && api.easy_cleanup && api.easy_strerror &&
           api.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

struct transfer {
  minivm_receiver receiver;
  void *context;
  CURL *curl;
};

static size_t receive(char *bytes, size_t size, size_t count, void *context) {
  struct transfer *transfer = context;
  long status = 0;
  api.easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return size * count;  // an error's page is nobody's data
  return transfer->receiver(transfer->context, (const uint8_t *)bytes, size * count) ? 0
                                                                                     : size * count;
}

int minivm_http_get(const char *url, const char *user_agent, minivm_receiver receiver, void *context,
                    long *status, char *message, size_t message_size) {
  *status = 0;
  pthread_once(&once, load);
  if (!loaded) return MINIVM_HTTP_NO_LIBRARY;
  CURL *curl = api.easy_init();
  if (!curl) return MINIVM_HTTP_NO_LIBRARY;
  char detail[CURL_ERROR_SIZE] = "";
  struct transfer transfer = {receiver, context, curl};
  api.easy_setopt(curl, CURLOPT_URL, url);
  api.easy_setopt(curl, CURLOPT_USERAGENT, user_agent);
  api.easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
  api.easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  api.easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  api.easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
#if LIBCURL_VERSION_NUM >= 0x075500
  api.easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  api.easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
  api.easy_setopt(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
  api.easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  api.easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 30L);
  api.easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1000L);
  api.easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);
  api.easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
  api.easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  CURLcode code = api.easy_perform(curl);
  api.easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
  if (code != CURLE_OK)
    snprintf(message, message_size, "%s", *detail ? detail : api.easy_strerror(code));
  api.easy_cleanup(curl);
  return code == CURLE_OK ? MINIVM_HTTP_OK : MINIVM_HTTP_FAILED;
}
