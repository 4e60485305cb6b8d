using Microsoft.AspNetCore.Http;

namespace OrleansTempo.Server.Hosting;

/// <summary>What answers the requests of a connection, set on it by the listener that accepted it.</summary>
internal interface IListenerFeature
{
    RequestDelegate Handler { get; }

    /// <summary>Whether its requests are gRPC calls.</summary>
    bool TakesCalls { get; }

    /// <summary>The route that a request is counted for, see <see cref="RequestLabels"/>.</summary>
    Func<HttpRequest, string> RouteOf { get; }

    /// <summary>Tells the client that answering failed, and by what, in the listener's protocol; called on a response that has not started and is empty.</summary>
    Func<HttpContext, Exception, Task> FailureHandler { get; }
}
