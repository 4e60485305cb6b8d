using Microsoft.AspNetCore.Http;

namespace OrleansTempo.Server.Hosting;

/// <summary>How to handle the requests of a connection; the listener that accepts a connection sets this feature on it.</summary>
internal interface IListenerFeature
{
    RequestDelegate Handler { get; }

    /// <summary>Whether its requests are gRPC calls.</summary>
    bool TakesCalls { get; }

    /// <summary>The route under which a request is counted, see <see cref="RequestLabels"/>.</summary>
    Func<HttpRequest, string> RouteOf { get; }

    /// <summary>Answers a request whose handler failed, in the protocol of the listener; called with an empty response that has not started.</summary>
    Func<HttpContext, Exception, Task> FailureHandler { get; }
}
