//! Session facts to events of the record. (owner: session)
