using Microsoft.AspNetCore.Http;

namespace OrleansTempo.Server.Hosting;

/// <inheritdoc cref="IListenerFeature"/>
internal sealed class ListenerFeature(RequestDelegate handler, RequestDelegate failureHandler, bool takesCalls, Func<HttpRequest, string> routeOf) : IListenerFeature
{
    public RequestDelegate Handler => handler;

    public RequestDelegate FailureHandler => failureHandler;

    public bool TakesCalls => takesCalls;

    public Func<HttpRequest, string> RouteOf => routeOf;
}
