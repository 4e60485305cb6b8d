using Microsoft.AspNetCore.Http;

namespace OrleansTempo.Server.Api;

/// <summary>One path of the HTTP API, answering GET and HEAD.</summary>
/// <param name="Path">The exact path, without the API prefix.</param>
/// <param name="Description">What is found there, for <c>/status/endpoints</c>.</param>
/// <param name="Handler">Answers it.</param>
public sealed record ApiRoute(string Path, string Description, RequestDelegate Handler);
