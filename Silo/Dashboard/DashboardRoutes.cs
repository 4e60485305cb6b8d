using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Dashboard;
using OrleansTempo.Server.Api;

namespace OrleansTempo.Silo.Dashboard;

/// <summary>
/// Orleans' dashboard as paths of the HTTP API. It is made for ASP.NET's own routing, which the API does without: it gets a
/// pipeline with that routing and nothing else.
/// </summary>
internal static class DashboardRoutes
{
    private const string Folder = "/dashboard";
    private const string Refusal = "the dashboard is for callers on this machine alone; OrleansTempo:Dashboard:Public=true shows it to everyone who reaches this port\n";

    /// <summary>Adds the dashboard and what its routing takes to a silo's services.</summary>
    public static void AddServices(ISiloBuilder silo)
    {
        // Its live log would show what is in ours to whoever asks.
        silo.AddDashboard(static dashboard => dashboard.HideTrace = true);
        silo.Services.AddRouting();
        silo.Services.AddSingleton(new DiagnosticListener("OrleansTempo.Dashboard"));
    }

    /// <param name="services">The silo's, with those of <see cref="AddServices"/> among them.</param>
    /// <param name="isPublic">Whether callers on other machines may see it.</param>
    public static IReadOnlyList<ApiRoute> Create(IServiceProvider services, bool isPublic)
    {
        var pipeline = new ApplicationBuilder(services);
        pipeline.UseRouting();
        pipeline.UseEndpoints(static endpoints => endpoints.MapOrleansDashboard(Folder));
        var dashboard = pipeline.Build();
        return [new(Folder, "Orleans' dashboard", AnswerAsync), new(Folder + "/{**}", "its pages", AnswerAsync)];

        Task AnswerAsync(HttpContext context)
        {
            if (!isPublic && !IsFromHere(context))
            {
                context.Response.StatusCode = StatusCodes.Status403Forbidden;
                return context.Response.WriteAsync(Refusal);
            }

            context.RequestServices = services;
            return dashboard(context);
        }
    }

    // A proxy on this machine calls for somebody who is elsewhere.
    private static bool IsFromHere(HttpContext context) =>
        context.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address)
        && !context.Request.Headers.ContainsKey("X-Forwarded-For") && !context.Request.Headers.ContainsKey("Forwarded");
}
