// A file of its own, so that the page needs no inline script. No outside validator is asked.
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });
