DROP INDEX inbox_kind /*! ON inbox */;
