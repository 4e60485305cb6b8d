using Microsoft.AspNetCore.Http;

namespace OrleansTempo.Server.Hosting;

/// <inheritdoc cref="IListenerFeature"/>
internal sealed class ListenerFeature(RequestDelegate handler, Func<HttpContext, Exception, Task> failureHandler, bool takesCalls, Func<HttpRequest, string> routeOf) : IListenerFeature
{
    public RequestDelegate Handler => handler;

    public Func<HttpContext, Exception, Task> FailureHandler => failureHandler;

    public bool TakesCalls => takesCalls;

    public Func<HttpRequest, string> RouteOf => routeOf;
}
