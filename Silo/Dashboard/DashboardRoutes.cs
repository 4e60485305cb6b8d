using System.Diagnostics;
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

    /// <summary>Adds the dashboard and what its routing takes to a silo's services.</summary>
    public static void AddServices(ISiloBuilder silo)
    {
        // Its live log would show what is in ours to whoever asks.
        silo.AddDashboard(static dashboard => dashboard.HideTrace = true);
        silo.Services.AddRouting();
        silo.Services.AddSingleton(new DiagnosticListener("OrleansTempo.Dashboard"));
    }

    /// <param name="services">The silo's, with those of <see cref="AddServices"/> among them.</param>
    /// <param name="isPublic">Whether callers on other machines may see it, whatever else is an operator's alone.</param>
    public static IReadOnlyList<ApiRoute> Create(IServiceProvider services, bool isPublic)
    {
        var pipeline = new ApplicationBuilder(services);
        pipeline.UseRouting();
        pipeline.UseEndpoints(static endpoints => endpoints.MapOrleansDashboard(Folder));
        var dashboard = pipeline.Build();
        return [Route(Folder, "Orleans' dashboard"), Route(Folder + "/{**}", "its pages")];

        ApiRoute Route(string path, string description)
        {
            var route = new ApiRoute(path, description, AnswerAsync);
            return isPublic ? route : route with { AdminMethods = route.Methods };
        }

        Task AnswerAsync(HttpContext context)
        {
            context.RequestServices = services;
            return dashboard(context);
        }
    }
}
