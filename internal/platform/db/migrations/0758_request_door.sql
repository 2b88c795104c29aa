DROP INDEX request_door /*! ON request */;
