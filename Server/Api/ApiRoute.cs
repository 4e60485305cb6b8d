using Microsoft.AspNetCore.Http;
using OrleansTempo.Server.Hosting;

namespace OrleansTempo.Server.Api;

/// <summary>One path of the HTTP API.</summary>
/// <param name="Path">
/// Without the API prefix. It is an exact path, or one whose last segment is a parameter: <c>/api/traces/{traceID}</c> takes any
/// one segment there, and its handler finds it in the request's <see cref="HttpRequest.RouteValues"/> under <c>traceID</c>. With
/// <c>{**}</c> as its last segment, as in <c>/dashboard/{**}</c>, it takes all paths below that have no route of their own.
/// </param>
/// <param name="Description">What is found there, for <c>/status/endpoints</c>.</param>
/// <param name="Handler">Answers it.</param>
public sealed record ApiRoute(string Path, string Description, RequestDelegate Handler)
{
    /// <summary>What its requests are counted for in <c>tempo_request_duration_seconds</c>; set where it is added to the API.</summary>
    internal string Label { get; init; } = RequestLabels.NoRoute;

    /// <summary>The methods it answers to.</summary>
    public IReadOnlyList<string> Methods { get; init; } = [HttpMethods.Get, HttpMethods.Head];

    /// <summary>Those of them that are an operator's, for they change what the server does or show what is in it: answered to callers on the same machine, see <see cref="AdminAccess"/>.</summary>
    public IReadOnlyList<string> AdminMethods { get; init; } = [];
}
