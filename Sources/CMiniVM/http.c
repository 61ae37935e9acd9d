#define _GNU_SOURCE
#include "CMiniVM.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static struct {
  CURLcode (*global_init)(long);
  CURL *(*easy_init)(void);
  CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
  CURLcode (*easy_perform)(CURL *);
  CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
  void (*easy_reset)(CURL *);
  void (*easy_cleanup)(CURL *);
  const char *(*easy_strerror)(CURLcode);
  struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
  void (*slist_free_all)(struct curl_slist *);
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
  api.easy_reset = (void (*)(CURL *))dlsym(handle, "curl_easy_reset");
  api.easy_cleanup = (void (*)(CURL *))dlsym(handle, "curl_easy_cleanup");
  api.easy_strerror = (const char *(*)(CURLcode))dlsym(handle, "curl_easy_strerror");
  api.slist_append =
      (struct curl_slist * (*)(struct curl_slist *, const char *)) dlsym(handle, "curl_slist_append");
  api.slist_free_all = (void (*)(struct curl_slist *))dlsym(handle, "curl_slist_free_all");
  loaded = api.slist_append && api.slist_free_all && api.global_init && api.easy_init && api.easy_setopt && api.easy_perform &&
           api.easy_getinfo && api.easy_reset && api.easy_cleanup && api.easy_strerror &&
           api.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

// Handles that nobody uses at the moment. They keep their connections, which the next request to the
// same server goes on with.
static struct {
  pthread_mutex_t lock;
  CURL *handles[4];
  unsigned count;
} idle = {.lock = PTHREAD_MUTEX_INITIALIZER};

static CURL *take_handle(void) {
  CURL *curl = NULL;
  pthread_mutex_lock(&idle.lock);
  if (idle.count > 0) curl = idle.handles[--idle.count];
  pthread_mutex_unlock(&idle.lock);
  return curl ? curl : api.easy_init();
}

static void return_handle(CURL *curl) {
  api.easy_reset(curl);
  pthread_mutex_lock(&idle.lock);
  int is_kept = idle.count < sizeof idle.handles / sizeof *idle.handles;
  if (is_kept) idle.handles[idle.count++] = curl;
  pthread_mutex_unlock(&idle.lock);
  if (!is_kept) api.easy_cleanup(curl);
}

enum { HEADER_LIMIT = 1 << 18 };

struct transfer {
  minivm_receiver receiver;
  void *context;
  CURL *curl;
  struct minivm_http_headers *headers;
  int64_t wanted;       // the offset that was asked for
  int64_t range_start;  // where a partial answer says that it starts; -1 for nowhere
  int64_t position;     // of the next byte in the file; -1 before the first
  size_t header_bytes;
  const char *fault;  // why we stopped it
  int is_other_part;  // a partial answer, not of the part that was asked for
  int is_unneeded;    // the rest of the body is not worth waiting for
};

/// Appends the value of a header line to `text`, if the line is that header's.
static void keep_header(const char *line, size_t length, const char *name, char *text, size_t size) {
  size_t start = strlen(name);
  if (length <= start || strncasecmp(line, name, start) != 0) return;
  while (start < length && (line[start] == ' ' || line[start] == '\t')) start++;
  size_t end = length;
  while (end > start && (line[end - 1] == '\r' || line[end - 1] == '\n')) end--;
  size_t used = strlen(text);
  if (used > 0 && used + 1 < size) text[used++] = '\n';
  size_t count = end - start < size - 1 - used ? end - start : size - 1 - used;
  memcpy(text + used, line + start, count);
  text[used + count] = '\0';
}

static void keep_headers(struct minivm_http_headers *headers, const char *line, size_t length) {
  // The answer's own headers, not those of an answer before it: 100 Continue, a proxy's.
  if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) {
    *headers->challenge = '\0';
    headers->retry_after = -1;
  }
  keep_header(line, length, "www-authenticate:", headers->challenge, sizeof headers->challenge);
  char seconds[16] = "";
  keep_header(line, length, "retry-after:", seconds, sizeof seconds);
  if (*seconds >= '0' && *seconds <= '9') headers->retry_after = strtol(seconds, NULL, 10);
}

static size_t receive_header(char *bytes, size_t size, size_t count, void *context) {
  static const char name[] = "content-range:";
  struct transfer *transfer = context;
  size_t length = size * count;
  transfer->header_bytes += length;
  if (transfer->header_bytes > HEADER_LIMIT) {
    transfer->fault = "the answer's headers have no end";
    return 0;
  }
  if (transfer->headers) keep_headers(transfer->headers, bytes, length);
  if (length >= 5 && memcmp(bytes, "HTTP/", 5) == 0) transfer->range_start = -1;
  if (length > sizeof name - 1 && strncasecmp(bytes, name, sizeof name - 1) == 0) {
    char value[64] = "";
    size_t rest = length - (sizeof name - 1);
    memcpy(value, bytes + sizeof name - 1, rest < sizeof value ? rest : sizeof value - 1);
    long long start = -1;
    if (sscanf(value, " bytes %18lld-", &start) == 1) transfer->range_start = start;
  }
  return length;
}

static size_t receive(char *bytes, size_t size, size_t count, void *context) {
  struct transfer *transfer = context;
  size_t length = size * count;
  if (length == 0) return 0;
  if (transfer->position < 0) {
    long status = 0;
    api.easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 && status != 206) {
      transfer->is_unneeded = 1;  // an error's page is nobody's data
      return 0;
    }
    // Without a range in the request, no part is an answer: it may be all that comes.
    if (status == 206 && (transfer->wanted == 0 || transfer->range_start != transfer->wanted)) {
      transfer->is_other_part = 1;
      return 0;
    }
    transfer->position = status == 206 ? transfer->wanted : 0;
  }
  if (transfer->receiver(transfer->context, (const uint8_t *)bytes, length, transfer->position) != 0)
    return 0;
  transfer->position += (int64_t)length;
  return length;
}

/// Whether the same request may succeed a little later.
static int is_interruption(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_HTTP2:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2_STREAM:
      return 1;
    default:
      return 0;
  }
}

/// The certificates that the user names as for the curl program; libcurl itself does not look there.
/// Without a name, they are the system's.
static void set_certificates(CURL *curl) {
  const char *bundle = getenv("CURL_CA_BUNDLE");
  const char *file = bundle && *bundle ? bundle : getenv("SSL_CERT_FILE");
  const char *folder = bundle && *bundle ? NULL : getenv("SSL_CERT_DIR");
  if (file && *file) api.easy_setopt(curl, CURLOPT_CAINFO, file);
  if (folder && *folder) api.easy_setopt(curl, CURLOPT_CAPATH, folder);
}

/// Headers of a request, from lines; NULL for none.
static struct curl_slist *header_lines(const char *text) {
  struct curl_slist *lines = NULL;
  while (text && *text) {
    size_t length = strcspn(text, "\n");
    char *line = strndup(text, length);
    struct curl_slist *longer = line ? api.slist_append(lines, line) : NULL;
    free(line);
    if (longer) lines = longer;
    text += length + (text[length] == '\n');
  }
  return lines;
}

/// Performs without being ended by SIGPIPE: TLS libraries write to connections that were closed.
static CURLcode perform(CURL *curl) {
  sigset_t pipe_signal, before, pending;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  sigpending(&pending);
  int was_pending = sigismember(&pending, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  CURLcode code = api.easy_perform(curl);
  struct timespec no_time = {0, 0};
  if (!was_pending) sigtimedwait(&pipe_signal, NULL, &no_time);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return code;
}

int minivm_http_get(const char *url, const char *user_agent, const char *user, const char *password,
                    const char *sent, const char *authorities, struct minivm_http_headers *headers,
                    int64_t offset, long stall_seconds, minivm_receiver receiver, void *context, long *status, char *location,
                    size_t location_size, char *message, size_t message_size) {
  *status = 0;
  *location = *message = '\0';
  pthread_once(&once, load);
  if (!loaded) return MINIVM_HTTP_NO_LIBRARY;
  CURL *curl = take_handle();
  if (!curl) return MINIVM_HTTP_NO_LIBRARY;
  char detail[CURL_ERROR_SIZE] = "";
  struct transfer transfer = {.receiver = receiver,
                              .context = context,
                              .curl = curl,
                              .headers = headers,
                              .wanted = offset,
                              .range_start = -1,
                              .position = -1};
  api.easy_setopt(curl, CURLOPT_URL, url);
  api.easy_setopt(curl, CURLOPT_USERAGENT, user_agent);
  if (user) api.easy_setopt(curl, CURLOPT_USERNAME, user);
  if (password) api.easy_setopt(curl, CURLOPT_PASSWORD, password);
  api.easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
  api.easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  // The caller follows redirects, and has looked at the scheme of each address.
  api.easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
  api.easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  api.easy_setopt(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  set_certificates(curl);
  if (authorities) {
    api.easy_setopt(curl, CURLOPT_CAINFO, authorities);
    api.easy_setopt(curl, CURLOPT_CAPATH, NULL);
  }
  struct curl_slist *lines = header_lines(sent);
  if (lines) api.easy_setopt(curl, CURLOPT_HTTPHEADER, lines);
  api.easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  api.easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  api.easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, stall_seconds);
  api.easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1000L);
  api.easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, stall_seconds);
  // As a range: where a server ignores it, we want the whole file and not an error.
  char range[32];
  snprintf(range, sizeof range, "%lld-", (long long)offset);
  if (offset > 0) api.easy_setopt(curl, CURLOPT_RANGE, range);
  api.easy_setopt(curl, CURLOPT_HEADERFUNCTION, receive_header);
  api.easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  api.easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
  api.easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  CURLcode code = perform(curl);
  api.easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
  char *redirect = NULL;
  api.easy_getinfo(curl, CURLINFO_REDIRECT_URL, &redirect);
  if (redirect) snprintf(location, location_size, "%s", redirect);
  if (transfer.is_unneeded) code = CURLE_OK;
  if (code != CURLE_OK) {
    const char *reason = *detail ? detail : api.easy_strerror(code);
    snprintf(message, message_size, "%s", transfer.fault ? transfer.fault : reason);
  }
  return_handle(curl);
  api.slist_free_all(lines);
  if (transfer.is_other_part) return MINIVM_HTTP_OTHER_PART;
  // Nothing came of a part that nobody asked for.
  if (code == CURLE_OK && *status == 206 && (offset == 0 || transfer.range_start != offset))
    return MINIVM_HTTP_OTHER_PART;
  if (code == CURLE_OK) return MINIVM_HTTP_OK;
  if (code == CURLE_PEER_FAILED_VERIFICATION) return MINIVM_HTTP_UNTRUSTED;
  return is_interruption(code) ? MINIVM_HTTP_INTERRUPTED : MINIVM_HTTP_FAILED;
}
