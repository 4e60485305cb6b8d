using Microsoft.AspNetCore.Http;

namespace OrleansTempo.Server.Hosting;

/// <summary>What answers the requests of a connection, set on it by the listener that accepted it.</summary>
internal interface IListenerFeature
{
    RequestDelegate Handler { get; }

    /// <summary>Tells the client that answering failed, and by what, in the listener's protocol; called on a response that has not started and is empty.</summary>
    Func<HttpContext, Exception, Task> FailureHandler { get; }
}
