DROP INDEX request_asked /*! ON request */;
