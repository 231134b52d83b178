// The first module that runs: records are asked for while the rest of the page is loaded.
import { connect } from './connection.js';

connect();
