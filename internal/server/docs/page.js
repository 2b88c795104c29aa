// Shows our own contract, asks nobody else: without validatorUrl the page would call home.
window.addEventListener("load", function () {
  window.ui = SwaggerUIBundle({
    url: "/openapi.yaml",
    dom_id: "#contract",
    deepLinking: true,
    docExpansion: "list",
    filter: true,
    validatorUrl: null,
    requestInterceptor: function (request) {
      if (request.loadSpec || request.method === "GET" || request.headers["Idempotency-Key"]) {
        return request;
      }
      request.headers["Idempotency-Key"] = crypto.randomUUID();
      return request;
    },
  });
});
